/** Faults that take minutes: a worker that hangs for good, and one run cut off again and again. */
import { describe, expect, it } from 'vitest';
import { isAlive, readSteps, startTraining, train } from '../support/cluster.js';
import { makeTinyJob } from '../support/tiny-job.js';

const pidOf = (cluster: ReturnType<typeof startTraining>, rank: number): number =>
  cluster.workers().find((worker) => worker.rank === rank)?.pid ?? 0;

describe('a worker that hangs for good (C10)', () => {
  it('ends the run after a minute, is named as the cause, and the other one saves', async () => {
    using job = await makeTinyJob();
    const output = job.output('run');
    const options = { max_steps: 1_000_000, save_strategy: 'no' };
    await using cluster = startTraining(job, { output, workers: 2, options });
    await cluster.reaches(5);
    const pids = cluster.workers().map(({ pid }) => pid);
    const hungAt = performance.now();
    process.kill(pidOf(cluster, 1), 'SIGSTOP');
    const { code, text } = await cluster.ended;
    const seconds = (performance.now() - hungAt) / 1000;
    expect(seconds).toBeGreaterThan(55);
    expect(seconds).toBeLessThan(90);
    expect(code, text).toBe(75);
    const done = readSteps(output).at(-1)?.step ?? 0;
    expect(text).toMatch(
      new RegExp(`worker 1, step ${done + 1}: no sign of progress for 6\\d s, it is stopped`),
    );
    expect(text).toContain(
      `--resume_from_checkpoint true to go on from ${output}/checkpoint-${done}`,
    );
    expect(pids.filter(isAlive)).toEqual([]);
  });
});

describe('a run cut off eight times', () => {
  it('ends with the bits of an undisturbed one', async () => {
    using job = await makeTinyJob();
    const options = {
      max_steps: 200,
      validation_file: job.validation,
      eval_strategy: 'steps',
      eval_steps: 9,
      save_strategy: 'no',
      load_best_model_at_end: true,
    };
    const whole = await train(job, { output: job.output('whole'), workers: 2, options });
    const output = job.output('cut');
    for (let round = 0; round < 8; round++) {
      const workers = 2 + (round % 2);
      const resume = round === 0 ? {} : { resume_from_checkpoint: true };
      await using cluster = startTraining(job, {
        output,
        workers,
        options: { ...options, ...resume },
      });
      await cluster.reaches((readSteps(output).at(-1)?.step ?? 0) + 5 + round);
      process.kill(pidOf(cluster, round % workers), 'SIGKILL');
      const { code, text } = await cluster.ended;
      expect(code, text).toBe(75);
    }
    const resumed = await train(job, {
      output,
      workers: 3,
      options: { ...options, resume_from_checkpoint: true },
    });
    expect(resumed.params_sha256).toBe(whole.params_sha256);
    expect(readSteps(output).map(({ loss }) => loss)).toEqual(
      readSteps(job.output('whole')).map(({ loss }) => loss),
    );
  });
});

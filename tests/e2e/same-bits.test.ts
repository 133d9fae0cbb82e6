import { describe, expect, it } from 'vitest';
import { readSteps, readSummary, startTraining, train } from '../support/cluster.js';
import { makeTinyJob } from '../support/tiny-job.js';

describe('the trained parameters', () => {
  it('have the same bits for 1, 2 and 3 workers and for other thread counts', async () => {
    using job = await makeTinyJob();
    const options = { max_steps: 12, validation_file: job.validation };
    const run = (workers: number, threads: number) =>
      train(job, {
        output: job.output(`w${workers}t${threads}`),
        workers,
        options: { ...options, threads_per_worker: threads },
      });
    const one = await run(1, 1);
    const others = [await run(2, 1), await run(3, 1), await run(1, 2)];
    expect(one.params_sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(others.map((summary) => summary.params_sha256)).toEqual(
      Array(3).fill(one.params_sha256),
    );
    expect(others.map((summary) => summary.state_sha256)).toEqual(Array(3).fill(one.state_sha256));
    expect(others.map((summary) => summary.eval)).toEqual(Array(3).fill(one.eval));
    expect(one).toMatchObject({ status: 'completed', steps: 12, samples: 96 });
    const losses = (name: string) => readSteps(job.output(name)).map(({ loss }) => loss);
    expect(losses('w3t1')).toEqual(losses('w1t1'));
  });

  it('are those of an undisturbed run after SIGINT with 3 workers and a resume with 2', async () => {
    using job = await makeTinyJob();
    const options = {
      max_steps: 300,
      validation_file: job.validation,
      eval_strategy: 'steps',
      eval_steps: 40,
      load_best_model_at_end: true,
    };
    const whole = await train(job, { output: job.output('whole'), workers: 2, options });
    const output = job.output('stopped');
    await using stopped = startTraining(job, { output, workers: 3, options });
    await stopped.reaches(15);
    stopped.signal('SIGINT');
    expect(await stopped.ended).toMatchObject({ code: 130 });
    const { status, steps } = readSummary(output);
    expect(status).toBe('interrupted');
    expect(steps).toBeLessThan(300);
    const resumed = await train(job, {
      output,
      workers: 2,
      options: { ...options, resume_from_checkpoint: true },
    });
    expect(resumed.params_sha256).toBe(whole.params_sha256);
    expect(resumed).toMatchObject({ steps: 300, train_loss: whole.train_loss, eval: whole.eval });
    const steps300 = Array.from({ length: 300 }, (_, i) => i + 1);
    expect(readSteps(output).map(({ step }) => step)).toEqual(steps300);
  });
});

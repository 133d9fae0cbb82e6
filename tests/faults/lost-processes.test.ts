import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually, isAlive, readSummary, startTraining, train } from '../support/cluster.js';
import { makeTinyJob } from '../support/tiny-job.js';

const endless = { max_steps: 100_000, save_strategy: 'steps', save_steps: 10, save_total_limit: 2 };

describe('a worker killed in mid-run', () => {
  it('ends the run within 5 s with code 75, names rank and step, leaves no process and a whole checkpoint to resume from, though it was being replaced', async () => {
    using job = await makeTinyJob();
    const output = job.output('run');
    await using cluster = startTraining(job, { output, workers: 3, options: endless });
    await cluster.reaches(25);
    const workers = cluster.workers();
    expect(workers.map(({ rank }) => rank).sort()).toEqual([0, 1, 2]);
    const victim = workers.find(({ rank }) => rank === 1);
    const killedAt = performance.now();
    process.kill(victim?.pid ?? 0, 'SIGKILL');
    const { code, text } = await cluster.ended;
    expect(performance.now() - killedAt).toBeLessThan(5000);
    expect(code).toBe(75);
    expect(text).toMatch(/worker 1, step \d+: was killed by SIGKILL/);
    expect(text).toContain('--resume_from_checkpoint');
    expect(workers.map(({ pid }) => pid).filter(isAlive)).toEqual([]);
    expect(readSummary(output)).toMatchObject({ status: 'failed', error: { code: 'transient' } });

    const newest = Math.max(...checkpointSteps(output));
    // As a crash between the two renames of a replaced folder leaves it; the number is no process of this machine.
    const folder = join(output, `checkpoint-${newest}`);
    renameSync(folder, `${folder}.previous-99999999`);
    mkdirSync(`${folder}.partial-99999999`);
    writeFileSync(join(`${folder}.partial-99999999`, 'model.safetensors'), 'cut short');
    const resumed = await train(job, {
      output,
      workers: 2,
      options: { ...endless, max_steps: newest + 5, resume_from_checkpoint: true },
    });
    expect(resumed.steps).toBe(newest + 5);
    expect(readdirSync(output).filter((name) => /partial|previous/.test(name))).toEqual([]);
  });
});

describe('a coordinator killed in mid-run', () => {
  it('takes its workers with it', async () => {
    using job = await makeTinyJob();
    await using cluster = startTraining(job, {
      output: job.output('run'),
      workers: 2,
      options: endless,
    });
    await cluster.reaches(5);
    const pids = cluster.workers().map(({ pid }) => pid);
    expect(pids).toHaveLength(2);
    cluster.signal('SIGKILL');
    await eventually(() => !pids.some(isAlive), 5000, 'the workers to leave');
  });

  it('takes its workers with it while they start, too', async () => {
    using job = await makeTinyJob();
    await using cluster = startTraining(job, {
      output: job.output('run'),
      workers: 2,
      options: endless,
    });
    await eventually(() => cluster.workers().length === 2, 30_000, 'the workers to start');
    const pids = cluster.workers().map(({ pid }) => pid);
    cluster.signal('SIGKILL');
    await eventually(() => !pids.some(isAlive), 5000, 'the workers to leave');
  });
});

function checkpointSteps(output: string): number[] {
  return readdirSync(output).flatMap((name) => {
    const step = /^checkpoint-(\d+)$/.exec(name)?.[1];
    return step === undefined ? [] : [Number(step)];
  });
}

import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  eventually,
  processesOf,
  readSteps,
  readSummary,
  startTraining,
  train,
  type Ended,
  type TrainOptions,
} from '../support/cluster.js';
import { makeTinyJob, type TinyJob } from '../support/tiny-job.js';

const finished = { max_steps: 8, save_strategy: 'steps', save_steps: 4 };

const withBest = {
  ...finished,
  save_steps: 8,
  eval_strategy: 'steps',
  eval_steps: 8,
  load_best_model_at_end: true,
  validation_split: 0.2,
};

async function end(job: TinyJob, options: TrainOptions): Promise<Ended> {
  await using cluster = startTraining(job, options);
  return await cluster.ended;
}

/** Hash of every file by its path in the folder, but of those of a young run. */
function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const files = names.filter(
    (name) => !name.startsWith('.microtune') && statSync(join(folder, name)).isFile(),
  );
  const hash = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  return Object.fromEntries(files.map((name) => [name, hash(name)]));
}

const hidden = (folder: string): string[] =>
  readdirSync(folder).filter((name) => /^\.|partial|previous|\.tmp$/.test(name));

describe('a finished run', () => {
  it('is not resumed (A2), and is as it was when what would overwrite it never begins (A3)', async () => {
    using job = await makeTinyJob();
    const output = job.output('run');
    await train(job, { output, workers: 2, options: finished });
    const before = contents(output);

    const resume = { ...finished, resume_from_checkpoint: true };
    const again = await end(job, { output, workers: 1, options: resume });
    expect(again).toMatchObject({ code: 0 });
    expect(again.text).toMatch(/holds a finished run of 8 steps.*nothing was changed/);
    expect([contents(output), hidden(output)]).toEqual([before, []]);

    const overwrite = { max_steps: 2000, overwrite_output_dir: true };
    const mistyped = { ...overwrite, train_file: `${job.train}x` };
    expect(await end(job, { output, workers: 2, options: mistyped })).toMatchObject({ code: 65 });
    expect([contents(output), hidden(output)]).toEqual([before, []]);

    await using cluster = startTraining(job, { output, workers: 2, options: overwrite });
    await eventually(() => cluster.workers().length > 0, 30_000, 'the workers to start');
    cluster.signal('SIGINT');
    expect(await cluster.ended).toMatchObject({ code: 130 });
    expect([contents(output), hidden(output)]).toEqual([before, []]);

    const moved = job.output('moved');
    renameSync(output, moved);
    const raised = { ...resume, max_steps: 10 };
    const resumed = await train(job, { output: moved, workers: 1, options: raised });
    expect(resumed).toMatchObject({ steps: 10, resumed_from: join(moved, 'checkpoint-8') });
    expect(existsSync(output)).toBe(false);
  }, 150_000);

  it('stays whole until what overwrites it has a checkpoint (A3), and keeps what the user put into it', async () => {
    using job = await makeTinyJob();
    const output = job.output('run');
    await train(job, { output, workers: 2, options: finished });
    const mine = ['notes.txt', 'plots/loss.png', 'checkpoint-8/mine.txt', 'logs/mine.log'];
    mkdirSync(join(output, 'plots'));
    for (const name of mine) writeFileSync(join(output, name), `mine: ${name}`);
    const before = contents(output);
    expect(Object.keys(before)).toEqual(expect.arrayContaining([...mine, 'model.safetensors']));

    const killed = { max_steps: 100_000, overwrite_output_dir: true };
    {
      await using cluster = startTraining(job, { output, workers: 2, options: killed });
      const young = join(output, '.microtune-next');
      await eventually(() => readSteps(young).length > 2, 30_000, 'steps');
      cluster.signal('SIGKILL');
      await cluster.ended;
      expect(contents(output)).toEqual(before);
    }
    await eventually(() => processesOf(job).length === 0, 10_000, 'the workers to leave');

    const options = { ...finished, max_steps: 4, overwrite_output_dir: true };
    const replaced = await train(job, { output, workers: 2, options });
    expect(replaced.steps).toBe(4);
    const after = contents(output);
    for (const name of mine) expect(after[name]).toBe(before[name]);
    expect(readdirSync(join(output, 'checkpoint-8'))).toEqual(['mine.txt']);
    expect(readSteps(output).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(hidden(output)).toEqual([]);
  }, 150_000);

  it('stores the same weights once, and moments of unused rows not at all', async () => {
    using job = await makeTinyJob();
    const output = job.output('run');
    await train(job, { output, workers: 2, options: withBest });
    const weights = ['best', 'checkpoint-8', '.'].map((folder) =>
      statSync(join(output, folder, 'model.safetensors')),
    );
    // A file system that shares blocks between copies shows them as files of their own.
    if (new Set(weights.map(({ ino }) => ino)).size > 1) return;
    expect(weights.map(({ nlink }) => nlink)).toEqual([3, 3, 3]);
    const [size = 0, optimizer] = [
      weights[0]?.size,
      statSync(join(output, 'checkpoint-8', 'optimizer.safetensors')),
    ];
    expect(diskBytes(output)).toBeLessThan(size + optimizer.size + 200_000);
  });

  it('goes on without best/ where the user has deleted it, and says so', async () => {
    using job = await makeTinyJob();
    const output = job.output('run');
    await train(job, { output, workers: 1, options: withBest });
    rmSync(join(output, 'best'), { recursive: true });
    const options = { ...withBest, max_steps: 9, learning_rate: 0, resume_from_checkpoint: true };
    const { code, text } = await end(job, { output, workers: 1, options });
    expect([code, text]).toEqual([0, expect.stringContaining('the best is sought from here on')]);
    expect(readSummary(output)).toMatchObject({ steps: 9, best_step: 9 });
  });
});

/** As du counts: each file once, in blocks. */
function diskBytes(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const stats = names.map((name) => statSync(join(folder, name)));
  const files = new Map(stats.map(({ ino, blocks }) => [ino, blocks * 512]));
  return [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
}

describe('a run folder', () => {
  it('is not left behind by a start that failed (C12), nor the folders made for it', async () => {
    using job = await makeTinyJob();
    const output = job.output('a/b/run');
    const wrong = { train_file: `${job.train}x` };
    expect(await end(job, { output, workers: 2, options: wrong })).toMatchObject({ code: 65 });
    expect(existsSync(job.output('a'))).toBe(false);
  });

  it('belongs to one process at a time, and the other is told whose it is', async () => {
    using job = await makeTinyJob();
    const output = job.output('run');
    await using first = startTraining(job, { output, workers: 1, options: { max_steps: 100_000 } });
    await first.reaches(2);
    const options = { overwrite_output_dir: true };
    const second = await end(job, { output, workers: 1, options });
    expect(second.code).toBe(64);
    expect(second.text).toContain(`process ${first.pid} on `);
    first.signal('SIGINT');
    expect(await first.ended).toMatchObject({ code: 130 });
    expect(readSummary(output)).toMatchObject({ status: 'interrupted' });
    expect(hidden(output)).toEqual([]);
  });
});

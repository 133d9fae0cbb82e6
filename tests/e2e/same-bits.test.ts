import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
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

  it('have the same bits for 1 and 2 workers with the defaults, threads included', async () => {
    using job = await makeTinyJob();
    const options = {
      max_steps: 6,
      train_batch_size: undefined,
      micro_batch_tokens: undefined,
      threads_per_worker: undefined,
    };
    const run = (workers: number) =>
      train(job, { output: job.output(`w${workers}`), workers, options });
    const [one, two] = [await run(1), await run(2)];
    expect(one).toMatchObject({ steps: 6, samples: 48 });
    expect(two.params_sha256).toBe(one.params_sha256);
    expect(readFileSync(job.output('w2/config.resolved.yaml'), 'utf8')).toMatch(
      /^train_batch_size: 8$/m,
    );
  });

  it('are the same whether graphs are traced or were kept by an earlier run', async () => {
    using job = await makeTinyJob();
    const graphs = join(job.root, 'cache/graphs');
    const run = (name: string) =>
      train(job, { output: job.output(name), workers: 2, options: { max_steps: 3 } });
    const traced = await run('traced');
    const kept = readdirSync(graphs).sort();
    expect(kept.length).toBeGreaterThan(0);
    const again = await run('again');
    expect(readdirSync(graphs).sort()).toEqual(kept);
    expect(again.state_sha256).toBe(traced.state_sha256);
  });

  it('follow the workers with per_device_train_batch_size, with a note, until the batch is fixed', async () => {
    using job = await makeTinyJob();
    const options = {
      max_steps: 4,
      train_batch_size: undefined,
      per_device_train_batch_size: 4,
      save_strategy: 'steps',
      save_steps: 2,
      save_total_limit: 2,
    };
    const output = job.output('run');
    await using first = startTraining(job, { output, workers: 2, options });
    const { code, text } = await first.ended;
    expect(code).toBe(0);
    expect(text).toContain('"code":"batch_follows_workers"');
    expect(text).toContain('for the same with any number: --train_batch_size 8');
    const whole = readSummary(output);
    expect(whole).toMatchObject({ samples: 32 });
    // Resumed with another number of workers the batch stays, and so do the bits.
    rmSync(job.output('run/checkpoint-4'), { recursive: true });
    const resumed = await train(job, {
      output,
      workers: 3,
      options: { ...options, resume_from_checkpoint: true },
    });
    expect(resumed).toMatchObject({ samples: 32, params_sha256: whole.params_sha256 });
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

import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startTraining, train } from '../support/cluster.js';
import { makeTinyJob } from '../support/tiny-job.js';

describe('training', () => {
  it('learns the task, keeps the newest checkpoints, ends with the best weights', async () => {
    using job = await makeTinyJob();
    const output = job.output('run');
    const summary = await train(job, {
      output,
      workers: 2,
      options: {
        num_train_epochs: 4,
        validation_file: job.validation,
        eval_strategy: 'epoch',
        save_strategy: 'epoch',
        save_total_limit: 2,
        load_best_model_at_end: true,
        metric_for_best_model: 'accuracy',
      },
    });
    expect(summary.eval?.['accuracy']).toBeGreaterThan(0.8);
    expect(summary).toMatchObject({ steps: 80, epochs: 4, samples: 640, faults: 0 });
    const names = readdirSync(output);
    expect(names.filter((name) => name.startsWith('checkpoint-'))).toEqual([
      'checkpoint-60',
      'checkpoint-80',
    ]);
    expect(names).toEqual(
      expect.arrayContaining([
        'best',
        'config.json',
        'model.safetensors',
        'events.jsonl',
        'config.resolved.yaml',
      ]),
    );
    await using again = startTraining(job, { output, workers: 1, options: { max_steps: 1 } });
    const refused = await again.ended;
    expect(refused.code).toBe(64);
    expect(refused.text).toContain('overwrite_output_dir');
  });

  it('stops early when evaluations do not get better', async () => {
    using job = await makeTinyJob();
    const summary = await train(job, {
      output: job.output('run'),
      workers: 2,
      options: {
        max_steps: 60,
        validation_file: job.validation,
        eval_strategy: 'steps',
        eval_steps: 2,
        learning_rate: 0,
        load_best_model_at_end: true,
        early_stopping_patience: 3,
      },
    });
    expect(summary).toMatchObject({
      status: 'completed',
      stopped_early: true,
      steps: 8,
      best_step: 2,
    });
  });

  it('stops at a loss that is not a number, naming step, shard and samples', async () => {
    using job = await makeTinyJob();
    const output = job.output('run');
    await using cluster = startTraining(job, {
      output,
      workers: 2,
      options: { max_steps: 50, learning_rate: 1e38, lr_scheduler_type: 'constant' },
    });
    const { code, text } = await cluster.ended;
    expect(code).toBe(64);
    expect(text).toMatch(/step \d+.*(shard \d+ \(samples \d+|gradient norm)/);
    expect(existsSync(`${output}/config.json`)).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import type { TrainerState } from '../trainer-state.js';
import { bench } from './testing/bench.js';

describe('evaluation and checkpoints', () => {
  it('pauses for an evaluation and sends no plan beyond it before the result', () => {
    const run = bench({
      config: { evalStrategy: 'steps', evalSteps: 2, saveStrategy: 'no' },
      losses: [1],
    }).join();
    expect(run.state.planned).toBe(2);
    run.work();
    expect(run.commands(1)).toEqual([
      'welcome',
      'plan 1',
      'plan 2',
      'evaluate 2',
      'plan 3',
      'plan 4',
      'evaluate 4',
      'plan 5',
      'plan 6',
      'evaluate 6',
      'stop',
    ]);
    const entries = run.records.flatMap((r) => (r.type === 'evaluation' ? [r.entry] : []));
    expect(entries[0]).toMatchObject({ eval_loss: 1, eval_accuracy: 0.5, step: 2, epoch: 2 / 3 });
  });

  it('evaluates by epoch, at the start when asked, and always at the end', () => {
    const run = bench({
      totalSteps: 5,
      config: { evalStrategy: 'epoch', evalOnStart: true, saveStrategy: 'no' },
      losses: [1],
    });
    run.join().work();
    expect(run.commands(0).filter((c) => c.startsWith('evaluate'))).toEqual([
      'evaluate 0',
      'evaluate 3',
      'evaluate 5',
    ]);
  });

  it('evaluates once more at the end even with eval_strategy no', () => {
    const run = bench({ losses: [1] })
      .join()
      .work();
    expect(run.commands(0).filter((c) => c.startsWith('evaluate'))).toEqual(['evaluate 6']);
  });

  it('keeps save_total_limit checkpoints and removes the oldest only when a newer one is whole', () => {
    const run = bench({ config: { saveSteps: 2, saveTotalLimit: 2 } })
      .join()
      .work();
    const kinds = run.records.flatMap((r) =>
      r.type === 'saved' || r.type === 'remove' ? [`${r.type} ${r.folder}`] : [],
    );
    expect(kinds).toEqual([
      'saved run/checkpoint-2',
      'saved run/checkpoint-4',
      'saved run/checkpoint-6',
      'remove run/checkpoint-2',
      'saved run',
    ]);
  });

  it('writes the trainer state of exactly the moment of the checkpoint', () => {
    const run = bench({
      config: { saveSteps: 2, evalStrategy: 'steps', evalSteps: 2 },
      losses: [3, 2, 1],
    });
    run.join().work();
    const save = run.sent.find(({ message }) => message.type === 'save')?.message;
    expect(save).toMatchObject({
      folder: 'run/checkpoint-2',
      trainerState: { global_step: 2, best_metric: 3, max_steps: 6 },
    });
    const history = (save as unknown as { trainerState: TrainerState }).trainerState.log_history;
    expect(history.map((entry) => entry['loss'] ?? entry['eval_loss'])).toEqual([8.5, 3]);
  });

  it('saves the best weights, returns to them at the end, and reports their metrics', () => {
    const config = {
      evalStrategy: 'steps',
      evalSteps: 2,
      saveStrategy: 'no',
      loadBestModelAtEnd: true,
    } as const;
    const run = bench({ config, losses: [3, 1, 2] })
      .join()
      .work();
    expect(run.commands(0).filter((c) => /save|restore/.test(c))).toEqual([
      'save run/best',
      'save run/best',
      'restore',
      'save run',
    ]);
    expect(run.commands(1)).toContain('restore');
    expect(run.state.metrics).toMatchObject({ loss: 1 });
    expect(run.state.best?.step).toBe(4);
  });

  it('does not restore when the last evaluation is the best', () => {
    const config = {
      evalStrategy: 'steps',
      evalSteps: 3,
      saveStrategy: 'no',
      loadBestModelAtEnd: true,
    } as const;
    const run = bench({ config, losses: [3, 1] })
      .join()
      .work();
    expect(run.commands(0)).not.toContain('restore');
    expect(run.outcome?.status).toBe('completed');
  });

  it('saves a checkpoint for each better evaluation with save_strategy best', () => {
    const config = { evalStrategy: 'steps', evalSteps: 2, saveStrategy: 'best' } as const;
    const run = bench({ config, losses: [3, 4, 1] })
      .join()
      .work();
    expect(run.commands(0).filter((c) => c.startsWith('save'))).toEqual([
      'save run/checkpoint-2',
      'save run/checkpoint-6',
      'save run',
    ]);
  });

  it('stops early when the patience is used up', () => {
    const config = {
      evalStrategy: 'steps',
      evalSteps: 1,
      saveStrategy: 'no',
      earlyStoppingPatience: 2,
    } as const;
    const run = bench({ config, losses: [1, 2, 0.95, 2, 2, 2], totalSteps: 10 })
      .join()
      .work();
    expect(run.state).toMatchObject({ stepped: 5, stoppedEarly: true });
    expect(run.outcome?.status).toBe('completed');
    expect(run.reasons).toContainEqual({
      code: 'stopped_early',
      text: expect.stringContaining('stopping early at step 5') as string,
    });
  });

  it('counts only improvements above the threshold for early stopping', () => {
    const config = {
      evalStrategy: 'steps',
      evalSteps: 1,
      saveStrategy: 'no',
      earlyStoppingPatience: 2,
      earlyStoppingThreshold: 0.1,
    } as const;
    const run = bench({ config, losses: [1, 0.95, 0.91], totalSteps: 10 })
      .join()
      .work();
    expect(run.state.stepped).toBe(3);
  });

  it('takes metrics where greater is better, and refuses one that does not exist', () => {
    const config = {
      evalStrategy: 'steps',
      evalSteps: 2,
      saveStrategy: 'no',
      metricForBestModel: 'eval_accuracy',
    } as const;
    expect(
      bench({ config, losses: [1] })
        .join()
        .work().state.best,
    ).toMatchObject({ value: 0.5, step: 2 });
    const wrong = bench({ config: { ...config, metricForBestModel: 'bleu' }, losses: [1] })
      .join()
      .work();
    wrong.wait(1000);
    expect(wrong.outcome?.error).toMatchObject({ code: 'usage' });
    expect(wrong.outcome?.error?.message).toContain('loss, accuracy');
  });
});

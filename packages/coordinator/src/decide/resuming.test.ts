import { MicrotuneError } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import type { TrainerState } from '../trainer-state.js';
import type { RunSpec } from './run-spec.js';
import { bench } from './testing/bench.js';

describe('going on from a checkpoint', () => {
  const startOf = (totalSteps: number, stopAfter: number): NonNullable<RunSpec['start']> => {
    const run = bench({ totalSteps }).join();
    run.work(() => run.state.stepped >= stopAfter);
    run.event({ type: 'stop-requested', request: 'interrupted' });
    run.work();
    const save = run.sent.map(({ message }) => message).find((message) => message.type === 'save');
    if (save?.type !== 'save') throw new MicrotuneError('internal', 'no checkpoint was written');
    return { checkpoint: save.folder, state: save.trainerState as unknown as TrainerState };
  };

  it('goes on with the next step and ends with the log of an undisturbed run, also with other workers', () => {
    const whole = bench({ totalSteps: 12 }).join().work();
    const start = startOf(12, 4);
    const resumed = bench({ totalSteps: 12, start, config: { workers: 3 } }).join();
    expect(resumed.sent[0]?.message).toMatchObject({
      type: 'welcome',
      checkpoint: start.checkpoint,
    });
    resumed.work();
    expect(resumed.commands(2)[1]).toBe(`plan ${start.state.global_step + 1}`);
    expect(resumed.state.logHistory).toEqual(whole.state.logHistory);
    expect(resumed.state).toMatchObject({
      lossTotal: whole.state.lossTotal,
      tokensSeen: whole.state.tokensSeen,
    });
  });

  it.each([
    ['run/checkpoint-2', '--resume_from_checkpoint run/checkpoint-2'],
    ['run/checkpoint-9', 'without --resume_from_checkpoint'],
  ])('says what to do about a checkpoint that is cut short, with %s beside it', (other, advice) => {
    const start = startOf(12, 4);
    const existingCheckpoints = [other, start.checkpoint].sort();
    const run = bench({ totalSteps: 12, start, existingCheckpoints });
    run.hello(0);
    run.hello(1);
    const reason = `${start.checkpoint}/model.safetensors: the file is cut short`;
    run.say(0, { type: 'failed', step: 0, code: 'data', reason });
    run.now += 600;
    run.event({ type: 'tick' });
    expect(run.outcome?.error?.message).toContain(advice);
  });

  it('only saves the model when the checkpoint is of the last step', () => {
    const start = startOf(12, 4);
    const run = bench({ totalSteps: start.state.global_step, start }).join().work();
    expect(run.commands(0)).toEqual(['welcome', 'save run', 'stop']);
  });
});

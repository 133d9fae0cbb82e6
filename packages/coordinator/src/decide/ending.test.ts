import type { CoordinatorMessage } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import type { TrainerState } from '../trainer-state.js';
import type { RunSpec } from './run-spec.js';
import { bench, timings, type Bench } from './testing/bench.js';

const killed = (run: Bench, rank: number): void =>
  run.event({ type: 'exited', rank, code: undefined, signal: 'SIGKILL', stderr: '' });

const lastSave = (run: Bench): { rank: number; folder: string; state: TrainerState } => {
  const saves = run.sent.filter(({ message }) => message.type === 'save');
  const { rank, message } = saves.at(-1)!;
  const { folder, trainerState } = message as Extract<CoordinatorMessage, { type: 'save' }>;
  return { rank, folder, state: trainerState as unknown as TrainerState };
};

/** The workers that are left answer until the run has ended. */
function finish(run: Bench): void {
  run.work();
  run.wait(1000);
}

describe('a worker that dies', () => {
  it.each([0, 1])('leaves a checkpoint of the last step by another one: worker %i', (victim) => {
    const run = bench({ totalSteps: 20, config: { saveStrategy: 'no', workers: 3 } }).join();
    run.work(() => run.state.stepped >= 5);
    killed(run, victim);
    run.queues[victim] = [];
    const { stepped } = run.state;
    finish(run);
    const newest = Math.max(
      ...[0, 1, 2].filter((rank) => rank !== victim).map((r) => run.held[r]!),
    );
    expect(lastSave(run)).toMatchObject({
      folder: `run/checkpoint-${newest}`,
      state: { global_step: newest },
    });
    expect(lastSave(run).rank).not.toBe(victim);
    expect(newest - stepped).toBeLessThanOrEqual(1);
    expect(run.outcome?.error?.message).toContain(
      `--resume_from_checkpoint true to go on from run/checkpoint-${newest}`,
    );
    expect(run.outcome?.error?.code).toBe('transient');
  });

  it('leaves the step that a survivor has applied, though the dead one never reported it', () => {
    const run = bench({ totalSteps: 20, config: { saveStrategy: 'no' } }).join();
    run.work(() => run.state.stepped >= 4);
    run.workOne(0);
    expect(run.held).toEqual([5, 4]);
    killed(run, 1);
    run.queues[1] = [];
    finish(run);
    expect(lastSave(run)).toMatchObject({ rank: 0, folder: 'run/checkpoint-5' });
    expect(lastSave(run).state.microtune.samplesSeen).toBe(5 * 8);
    expect(run.records.filter((r) => r.type === 'step').map((r) => r.line.step)).toEqual([
      1, 2, 3, 4, 5,
    ]);
  });

  it('is not waited for, and neither is a worker that hangs', () => {
    const run = bench({ totalSteps: 20, config: { workers: 3 } }).join();
    run.work(() => run.state.stepped >= 4);
    run.queues[2] = [];
    killed(run, 1);
    run.wait(9000);
    expect(run.outcome).toBeUndefined();
    run.workOne(0);
    run.wait(2000);
    run.workOne(0);
    run.wait(200);
    expect(lastSave(run).rank).toBe(0);
    expect(run.outcome?.status).toBe('failed');
  });

  it('says that there is nothing to go on from before the first step', () => {
    const run = bench({ totalSteps: 20 }).join();
    killed(run, 1);
    run.queues[0] = run.queues[0]!.filter(({ type }) => type === 'halt');
    run.queues[1] = [];
    finish(run);
    expect(run.outcome?.error?.message).toContain('No checkpoint was written yet');
    expect(run.commands(0).some((command) => command.startsWith('save'))).toBe(false);
  });

  it('does not save what is saved already', () => {
    const run = bench({ totalSteps: 20, config: { saveSteps: 4 } }).join();
    run.work(() => run.state.lastCheckpoint !== undefined);
    killed(run, 1);
    run.queues[1] = [];
    finish(run);
    expect(run.commands(0).filter((command) => command.startsWith('save'))).toEqual([
      'save run/checkpoint-4',
    ]);
  });

  it('gives way to the next where the saver fails, too', () => {
    const run = bench({ totalSteps: 20 }).join();
    run.work(() => run.state.stepped >= 4);
    killed(run, 1);
    run.queues[1] = [];
    run.work(() => run.commands(0).at(-1)?.startsWith('save') === true);
    run.say(0, { type: 'failed', step: 4, code: 'transient', reason: 'the disk is full' });
    run.wait(1000);
    expect(run.outcome?.error?.message).toContain('worker 1, step');
    expect(run.outcome?.error?.message).toContain('No checkpoint was written yet');
  });
});

describe('weights that are not to be trusted', () => {
  it('are not saved', () => {
    const run = bench({ totalSteps: 20 }).join();
    run.work(() => run.state.stepped >= 4);
    const report = { type: 'stepped', step: 5, weight: 8, gradientNorm: 1, timings } as const;
    const [last] = run.held;
    const next = { ...report, step: (last ?? 0) + 1 };
    run.say(0, { ...next, lossSum: 8 });
    run.say(1, { ...next, lossSum: 9 });
    expect(run.commands(0).at(-1)).toBe('stop');
    finish(run);
    expect(run.outcome?.error?.code).toBe('internal');
  });
});

describe('a failure of the run itself', () => {
  it('leaves the state before it, and says so: a loss that is not finite', () => {
    const run = bench({ totalSteps: 20 }).join();
    run.work(() => run.state.stepped >= 4);
    for (const rank of [0, 1])
      run.say(rank, { type: 'failed', step: 5, code: 'usage', reason: 'the loss is NaN' });
    finish(run);
    expect(run.outcome?.error).toMatchObject({ code: 'usage' });
    expect(run.outcome?.error?.message).toMatch(/holds the state before it: .* true/);
  });
});

describe('a run cut off while it pauses', () => {
  const config = {
    evalStrategy: 'steps',
    evalSteps: 2,
    saveStrategy: 'no',
    loadBestModelAtEnd: true,
  } as const;

  const resume = (run: Bench, losses: readonly number[]): Bench => {
    const { folder, state } = lastSave(run);
    const start: NonNullable<RunSpec['start']> = { checkpoint: folder, state };
    return bench({ totalSteps: 6, start, config, losses }).join();
  };

  it('does the evaluation that was due when it goes on', () => {
    const run = bench({ totalSteps: 6, config, losses: [3, 2, 1] }).join();
    run.work(() => run.state.stepped === 4);
    expect(run.state.evaluation).toBeDefined();
    killed(run, 1);
    run.queues[1] = [];
    finish(run);
    expect(lastSave(run).state.microtune.pauseIsDue).toBe(true);
    const resumed = resume(run, [2, 1]).work();
    expect(resumed.commands(0).filter((c) => /evaluate|plan/.test(c))).toEqual([
      'evaluate 4',
      'plan 5',
      'plan 6',
      'evaluate 6',
    ]);
    const whole = bench({ totalSteps: 6, config, losses: [3, 2, 1] })
      .join()
      .work();
    expect(resumed.state.best).toEqual(whole.state.best);
  });

  it('saves the best weights again where nobody knows whether they were written', () => {
    const run = bench({ totalSteps: 6, config, losses: [3, 2, 1] }).join();
    run.work(() => run.state.evaluation?.id === 1);
    for (const rank of [1, 0])
      while (run.state.evaluation?.parts.has(rank) === false) run.workOne(rank);
    expect(run.state.savesAsked).toMatchObject([{ kind: 'best', step: 4 }]);
    killed(run, 0);
    run.queues[0] = [];
    finish(run);
    expect(run.commands(1).filter((c) => c.startsWith('save'))).toEqual([
      'save run/best',
      'save run/checkpoint-4',
    ]);
    expect(lastSave(run).state.microtune.pauseIsDue).toBeUndefined();
  });
});

describe('a worker that dies while the final model is written', () => {
  it('does not matter when it is written all the same', () => {
    const run = bench({ totalSteps: 4, config: { saveStrategy: 'no' } }).join();
    run.work(() => run.commands(0).includes('save run'));
    run.queues[0] = [];
    killed(run, 1);
    run.say(0, { type: 'saved', step: 4, folder: 'run', paramsSha256: 'p', stateSha256: 's' });
    expect(run.outcome?.status).toBe('completed');
  });
});

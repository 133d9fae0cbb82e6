import { describe, expect, it } from 'vitest';
import { bench } from './testing/bench.js';

describe('stop requests', () => {
  it('finishes the planned steps, saves, stops: SIGINT', () => {
    const run = bench({ totalSteps: 20 }).join();
    run.work(() => run.state.stepped >= 5);
    run.event({ type: 'stop-requested', request: 'interrupted' });
    const planned = run.state.planned;
    run.work();
    expect(run.state.stepped).toBe(planned);
    expect(run.commands(0).slice(-2)).toEqual([`save run/checkpoint-${planned}`, 'stop']);
    expect(run.outcome).toEqual({ status: 'interrupted', error: undefined });
  });

  it('does the evaluation that is due at the stop, so that a resumed run repeats nothing: SIGTERM', () => {
    const config = { evalStrategy: 'steps', evalSteps: 3, saveStrategy: 'no' } as const;
    const run = bench({ config, losses: [1] }).join();
    run.event({ type: 'stop-requested', request: 'terminated' });
    run.work();
    expect(run.commands(0).slice(-3)).toEqual(['evaluate 3', 'save run/checkpoint-3', 'stop']);
    expect(run.outcome?.status).toBe('terminated');
  });

  it('stops at once while nothing is trained yet', () => {
    const run = bench();
    run.hello(0);
    run.event({ type: 'stop-requested', request: 'interrupted' });
    expect(run.outcome?.status).toBe('interrupted');
    expect(run.commands(1)).toEqual(['stop']);
  });

  it('waits for the checkpoint to be whole before it stops', () => {
    const run = bench({ totalSteps: 20 }).join();
    run.event({ type: 'stop-requested', request: 'interrupted' });
    run.work(() => run.commands(0).some((c) => c.startsWith('save')));
    expect(run.outcome).toBeUndefined();
    run.workOne(0);
    expect(run.outcome?.status).toBe('interrupted');
  });

  it('completes when the stop comes after the last step', () => {
    const run = bench({ losses: [1] }).join();
    run.work(() => run.commands(0).includes('save run'));
    run.event({ type: 'stop-requested', request: 'interrupted' });
    run.work();
    expect(run.outcome?.status).toBe('completed');
  });
});

import { describe, expect, it } from 'vitest';
import { bench, timings, type Bench } from './testing/bench.js';

/** Two workers in the all-reduce of step 5; the second one has been at its shard since. */
function stuckInStep5(): Bench {
  const run = bench({ totalSteps: 20 }).join();
  run.work(() => run.state.stepped >= 4);
  run.say(0, { type: 'progress', step: 5, phase: 'all-reduce' });
  run.say(1, { type: 'progress', step: 5, phase: 'shard 2 of 2' });
  return run;
}

const texts = (run: Bench): string => run.reasons.map(({ text }) => text).join('\n');
const notes = (run: Bench): string[] =>
  run.records.flatMap((record) => (record.type === 'note' ? [record.text] : []));

describe('a worker that does not go on', () => {
  it('is named within 10 s, with its step and phase, and not the peer that waits for it', () => {
    const run = stuckInStep5();
    run.activities[1] = 'stopped';
    run.wait(4000, [0]);
    expect(notes(run)).toEqual([
      'waiting for worker 1 since 3 s, step 5: it is stopped or frozen, last seen: shard 2 of 2 of step 5; ' +
        'the run ends if that lasts 60 s',
    ]);
    const idle = stuckInStep5().wait(9000, [0]);
    expect(notes(idle)[0]).toContain('waiting for worker 1 since 6 s, step 5: it runs, but does');
  });

  it('is named also where its last sign says that it waits, when it gives none any more', () => {
    const run = stuckInStep5();
    run.say(1, { type: 'progress', step: 5, phase: 'all-reduce' });
    run.activities[1] = 'stopped';
    run.wait(5000, [0]);
    expect(notes(run)[0]).toContain('waiting for worker 1');
  });

  it('goes on after 20 s, and the run with it', () => {
    const run = stuckInStep5();
    run.activities[1] = 'stopped';
    run.wait(20_000, [0]);
    run.activities[1] = 'idle';
    run.work(() => run.state.stepped >= 6);
    expect(notes(run).at(-1)).toBe('worker 1 goes on after 20 s');
    expect(run.state.phase).toBe('training');
  });

  it('is given up after a minute, with fast steps', () => {
    const run = stuckInStep5();
    run.activities[1] = 'stopped';
    run.wait(59_000, [0]);
    expect(run.state.phase).toBe('training');
    run.wait(2000, [0]);
    expect(run.state.failure?.signs[0]).toMatchObject({ rank: 1, kind: 'deadline' });
  });

  it('is given the time of ten steps where steps are slow', () => {
    const run = bench({ totalSteps: 20 }).join();
    const slow = { ...timings, totalMs: 30_000 };
    for (let step = 1; step <= 4; step++)
      for (const rank of [0, 1])
        run.say(rank, {
          type: 'stepped',
          step,
          lossSum: 8,
          weight: 8,
          gradientNorm: 1,
          timings: slow,
        });
    run.activities[1] = 'stopped';
    run.say(0, { type: 'progress', step: 5, phase: 'all-reduce' });
    run.wait(299_000, [0]);
    expect(run.state.phase).toBe('training');
    run.wait(3000, [0]);
    expect(run.state.phase).toBe('failing');
  });

  it('is not given up while it computes or writes for ten minutes, though it says nothing', () => {
    const run = stuckInStep5();
    run.activities[1] = 'busy';
    run.wait(600_000, [0]);
    expect(run.state.phase).toBe('training');
    expect(notes(run)).toHaveLength(1);
    expect(notes(run)[0]).toContain('since 30 s, step 5: it computes or reads and writes files');
    run.work();
    expect(run.outcome?.status).toBe('completed');
  });

  it('may take ten minutes over the first step, where libraries and graphs load', () => {
    const run = bench({ totalSteps: 20 }).join();
    run.wait(500_000);
    expect(run.state.phase).toBe('training');
  });

  it('may be anyone where all wait for each other', () => {
    const run = stuckInStep5();
    run.say(1, { type: 'progress', step: 5, phase: 'all-reduce' });
    run.wait(59_000, [0, 1]);
    expect(run.state.phase).toBe('training');
    run.wait(4000, [0, 1]);
    expect(run.state.failure?.signs[0]).toMatchObject({ rank: 0, kind: 'deadline' });
  });

  it('is given up when it does not join, and named before', () => {
    const run = bench();
    run.hello(0);
    run.wait(62_000);
    run.workOne(0);
    expect(notes(run)[0]).toContain('waiting for worker 1 since 30 s, before the first step');
    expect(run.outcome?.error?.message).toContain('worker 1, before the first step');
  });
});

describe('a coordinator that stood still itself', () => {
  it('counts no time that it did not see, says so, and reads what came meanwhile', () => {
    const run = stuckInStep5();
    run.wait(1000, [0]);
    run.now += 3_600_000;
    run.event({ type: 'tick', activities: run.activities });
    expect(notes(run)).toEqual([
      'this process did not run for 3600 s (stopped or suspended); going on',
    ]);
    expect(run.state.phase).toBe('training');
    run.work();
    expect(run.outcome?.status).toBe('completed');
  });
});

describe('a stop request while a worker hangs', () => {
  it('waits for nobody: the other worker saves what it holds', () => {
    const run = stuckInStep5();
    run.activities[1] = 'stopped';
    run.wait(8000, [0]);
    run.event({ type: 'stop-requested', request: 'interrupted' });
    run.workOne(0);
    run.workOne(0);
    expect(run.commands(0).slice(-3)).toEqual(['halt', 'save run/checkpoint-4', 'stop']);
    expect(run.outcome).toEqual({ status: 'interrupted', error: undefined });
  });

  it('that comes before it shows takes effect as soon as it does', () => {
    const run = stuckInStep5();
    run.activities[1] = 'stopped';
    run.event({ type: 'stop-requested', request: 'terminated' });
    run.wait(4000, [0]);
    run.workOne(0);
    run.workOne(0);
    expect(run.outcome?.status).toBe('terminated');
  });

  it('lets a lone worker finish its compilation', () => {
    const run = bench({ totalSteps: 20, config: { workers: 1 } }).join();
    run.activities[0] = 'busy';
    run.wait(40_000);
    run.event({ type: 'stop-requested', request: 'interrupted' });
    run.work();
    expect(run.outcome?.status).toBe('interrupted');
    expect(texts(run)).toContain('wrote run/checkpoint-3');
  });
});

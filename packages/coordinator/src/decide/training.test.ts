import { describe, expect, it } from 'vitest';
import { bench } from './testing/bench.js';

describe('an undisturbed run', () => {
  it('trains, saves a last checkpoint and the model, and stops its workers', () => {
    const run = bench({ totalSteps: 4 }).join().work();
    expect(run.commands(0)).toEqual([
      'welcome',
      'plan 1',
      'plan 2',
      'plan 3',
      'plan 4',
      'save run/checkpoint-4',
      'save run',
      'stop',
    ]);
    expect(run.commands(1)).toEqual(['welcome', 'plan 1', 'plan 2', 'plan 3', 'plan 4', 'stop']);
    expect(run.outcome).toEqual({ status: 'completed', error: undefined });
  });

  it('welcomes nobody before all are there', () => {
    const run = bench();
    run.hello(1);
    expect(run.sent).toEqual([]);
    run.hello(0);
    expect(run.sent.map(({ message }) => message.type)).toEqual(['welcome', 'welcome']);
    expect(run.sent[1]?.message).toMatchObject({
      peers: [
        { rank: 0, bulkEndpoint: 'tcp://b:0' },
        { rank: 1, bulkEndpoint: 'tcp://b:1' },
      ],
    });
  });

  it('sends plans at most three steps ahead of the slowest worker', () => {
    const run = bench({ totalSteps: 20 }).join();
    expect(run.commands(0).filter((c) => c.startsWith('plan'))).toHaveLength(3);
    run.workOne(0);
    run.workOne(0);
    expect(run.state.planned).toBe(3);
    run.workOne(1);
    expect(run.state).toMatchObject({ stepped: 1, planned: 4 });
  });

  it('writes one line per step and logs the mean loss since the last log', () => {
    const run = bench({ totalSteps: 4, config: { loggingFirstStep: true } })
      .join()
      .work();
    const lines = run.records.flatMap((r) => (r.type === 'step' ? [r.line] : []));
    expect(lines.map((line) => [line.step, line.loss])).toEqual([
      [1, 9],
      [2, 8],
      [3, 7],
      [4, 6],
    ]);
    const logged = run.records.flatMap((r) => (r.type === 'log' ? [r.entry] : []));
    expect(logged.map((entry) => [entry['step'], entry['loss']])).toEqual([
      [1, 9],
      [2, 8],
      [4, 6.5],
    ]);
    expect(run.state.logHistory).toEqual(logged);
    expect(run.state).toMatchObject({ samplesSeen: 32, tokensSeen: 400, lossTotal: 30 });
  });
});

import { describe, expect, it } from 'vitest';
import { exitCodeOf, exitCodes, MicrotuneError } from './errors.js';
import { coordinatorMessageSchema, parseMessage, workerMessageSchema } from './messages.js';
import { checkpointStep, runFolder } from './run-folder.js';

const envelope = { protocol: 1, runId: 'run', epoch: 0, step: 3 };
const plan = {
  type: 'plan',
  ...envelope,
  learningRate: 1e-3,
  shards: [{ shape: { rows: 2, tokens: 8, samplesPerRow: 1 }, rows: [[0], [5]] }],
  ranges: [{ from: 0, to: 1 }],
};

describe('the wire contract', () => {
  it('takes a message as it is', () => {
    expect(parseMessage(coordinatorMessageSchema, plan, 'the coordinator')).toEqual(plan);
  });

  it('names sender and field of what does not follow it', () => {
    const parse = (input: unknown): unknown =>
      parseMessage(coordinatorMessageSchema, input, 'the coordinator');
    expect(() => parse({ ...plan, learningRate: 'fast' })).toThrow(/the coordinator.*learningRate/);
    expect(() => parse({ ...plan, protocol: 2 })).toThrow(/protocol/);
    expect(() => parse({ ...plan, more: 1 })).toThrow(/more/);
    expect(() => parse(undefined)).toThrow(MicrotuneError);
    expect(() => parseMessage(workerMessageSchema, plan, 'rank 1')).toThrow(/rank 1/);
  });
});

describe('errors', () => {
  it('decide the exit code, anything else is internal', () => {
    expect(exitCodeOf(new MicrotuneError('data', 'broken'))).toBe(65);
    expect(exitCodeOf(new TypeError('bug'))).toBe(exitCodes.internal);
    expect(exitCodeOf('text')).toBe(70);
  });
});

describe('the run folder', () => {
  it('knows a checkpoint by its name', () => {
    expect(checkpointStep('checkpoint-30')).toBe(30);
    expect(checkpointStep(runFolder('runs/a').checkpoint(7).split('/').at(-1) ?? '')).toBe(7);
    for (const name of ['checkpoint-', 'checkpoint-3.partial', 'best']) {
      expect(checkpointStep(name)).toBeUndefined();
    }
  });
});

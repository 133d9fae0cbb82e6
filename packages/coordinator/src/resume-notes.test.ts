import { resolvedConfigSchema, type ResolvedConfig } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import { resumeNotes, watchedOptions } from './resume-notes.js';
import type { TrainerState } from './trainer-state.js';

const configOf = (more: Partial<ResolvedConfig> = {}): ResolvedConfig =>
  resolvedConfigSchema.parse({
    modelNameOrPath: 'model',
    trainFile: ['train.csv'],
    maxSeqLength: 128,
    trainBatchSize: 8,
    dataSeed: 42,
    workers: 1,
    devices: ['cpu'],
    threadsPerWorker: 1,
    engine: 'onnx',
    runName: 'run',
    maxSteps: 20,
    ...more,
  });
const stateOf = (config: ResolvedConfig, options = watchedOptions(config, 20)): TrainerState =>
  ({ global_step: 10, max_steps: 20, microtune: { options } }) as unknown as TrainerState;

describe('a resume', () => {
  it('with the same options has no notes, also after JSON', () => {
    const state = stateOf(configOf(), JSON.parse(JSON.stringify(watchedOptions(configOf(), 20))));
    expect(resumeNotes(configOf(), state, 5)).toEqual([]);
  });

  it('with another learning rate or more steps says that the schedule changes (E21)', () => {
    const state = stateOf(configOf());
    expect(resumeNotes(configOf({ learningRate: 1e-4, hiddenDropoutProb: 0.2 }), state, 5)).toEqual(
      [
        'learning_rate was 0.00005 up to step 10 and is 0.0001 from here on',
        "hidden_dropout_prob was the model's own up to step 10 and is 0.2 from here on",
      ],
    );
    expect(resumeNotes(configOf({ maxSteps: 40 }), state, 5)).toEqual([
      'the run had 20 steps and has 40 now: the learning rate (linear) goes on as if it had always been 40, so it jumps here',
    ]);
    const constant = configOf({ maxSteps: 40, lrSchedulerType: 'constant' });
    expect(resumeNotes(constant, stateOf(constant), 5)).toEqual([
      'the run had 20 steps and has 40 now',
    ]);
  });

  it('of a checkpoint that kept no options compares what it can', () => {
    const state = { global_step: 10, max_steps: 20, microtune: {} } as unknown as TrainerState;
    expect(resumeNotes(configOf({ learningRate: 1 }), state, 5)).toEqual([]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { optionName, parseRunConfig, refusedOptions, runConfigSchema } from './config.js';

const minimal = { modelNameOrPath: 'model', trainFile: 'train.tsv' };

describe('run configuration', () => {
  it('has the defaults of the HuggingFace TrainingArguments', () => {
    expect(parseRunConfig(minimal)).toMatchObject({
      trainFile: ['train.tsv'],
      numTrainEpochs: 3,
      maxSteps: -1,
      gradientAccumulationSteps: 1,
      learningRate: 5e-5,
      lrSchedulerType: 'linear',
      warmupSteps: 0,
      weightDecay: 0,
      adamBeta1: 0.9,
      adamBeta2: 0.999,
      adamEpsilon: 1e-8,
      maxGradNorm: 1,
      saveSteps: 500,
      seed: 42,
    });
  });

  it('names the option as the user wrote it', () => {
    expect(() => parseRunConfig({ ...minimal, trainBatchSize: -1 })).toThrow(/^train_batch_size: /);
    expect(() => parseRunConfig({ trainFile: 'train.tsv' })).toThrow(/^model_name_or_path: /);
  });

  it('spells every key in snake case, and each name once', () => {
    const names = Object.keys(runConfigSchema.shape).map(optionName);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]+(_[a-z0-9]+)*$/);
    expect(new Set(names).size).toBe(names.length);
    expect(optionName('adamBeta1')).toBe('adam_beta1');
    expect(optionName('bf16')).toBe('bf16');
  });

  it('never refuses an option it has', () => {
    const names = new Set(Object.keys(runConfigSchema.shape).map(optionName));
    expect(Object.keys(refusedOptions).filter((name) => names.has(name))).toEqual([]);
  });

  it('throws nothing but usage errors, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.object({ key: fc.constantFrom(...Object.keys(runConfigSchema.shape)) }),
        (input) => {
          try {
            parseRunConfig(input);
          } catch (error) {
            expect(error).toMatchObject({ name: 'MicrotuneError', code: 'usage' });
          }
        },
      ),
    );
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRunConfig } from '@microtune/shared';
import { afterAll, describe, expect, it } from 'vitest';
import { resolveConfig } from './resolve-config.js';
import { unusedOptions } from './unused-options.js';

const outputDir = mkdtempSync(join(tmpdir(), 'microtune-unused-'));
afterAll(() => rmSync(outputDir, { recursive: true }));

const notesOf = (more: Record<string, unknown>): string[] => {
  const written = { modelNameOrPath: 'model', trainFile: 'a.csv', outputDir, ...more };
  const machine = { cores: 4, engine: 'onnx', devices: ['cpu'] } as const;
  return unusedOptions(resolveConfig(parseRunConfig(written), machine));
};

describe('unusedOptions', () => {
  it.each([
    [
      { trainBatchSize: 8, gradientAccumulationSteps: 4 },
      /a step has 8 rows .*: gradient_accumulation_steps 4 has no part in it/,
    ],
    [{ trainBatchSize: 8, perDeviceTrainBatchSize: 4, workers: 3 }, /a step has 8 rows/],
    [{ evalSteps: 5, evalStrategy: 'epoch', validationSplit: 0.1 }, /eval_steps/],
    [{ saveSteps: 5, saveStrategy: 'no' }, /save_steps/],
    [{ warmupRatio: 0.1, lrSchedulerType: 'constant' }, /constant_with_warmup/],
    [{ maxEvalSamples: 5 }, /max_eval_samples/],
    [{ columnNames: 'a,b', trainFile: ['a.jsonl', 'b.parquet'] }, /column_names/],
  ])('never passes over %j in silence', (more, note) => {
    expect(notesOf(more)).toEqual([expect.stringMatching(note)]);
  });

  it('says nothing of options that count', () => {
    expect(notesOf({})).toEqual([]);
    const batch = { perDeviceTrainBatchSize: 4, gradientAccumulationSteps: 2, workers: 3 };
    expect(notesOf(batch)).toEqual([]);
    expect(notesOf({ ...batch, trainBatchSize: 24, columnNames: 'a,b' })).toEqual([]);
  });
});

import { parseRunConfig, type ResolvedConfig } from '@microtune/shared';
import { planTraining } from '@microtune/data';
import { describe, expect, it } from 'vitest';
import { requireMachineMemory, type ModelNumbers } from './memory-need.js';
import { resolveConfig } from './resolve-config.js';
import { memoryAlternatives, runMemory, sumsHeldBy } from './run-memory.js';

const bertBase: ModelNumbers = {
  parameterCount: 109_483_778,
  trainedCount: 109_483_778,
  denseCount: 86_042_882,
  layersWidth: 12 * 768,
};
const lengths = new Int32Array(400).fill(128);

function configOf(changes: Partial<ResolvedConfig>): ResolvedConfig {
  const parsed = parseRunConfig({
    modelNameOrPath: 'm',
    trainFile: ['a.tsv'],
    trainBatchSize: 32,
  });
  const resolved = resolveConfig(parsed, { cores: 2, engine: 'openvino', devices: ['cpu'] });
  return { ...resolved, ...changes };
}

const needOf = (changes: Partial<ResolvedConfig>) => {
  const config = configOf(changes);
  return runMemory(config, planTraining({ lengths }, config), bertBase);
};

describe('the memory of a run', () => {
  it('holds the sums of the plan, not a gradient per row: BERT-base at 32 and 64 rows a step', () => {
    const held = (trainBatchSize: number, workers: number) => {
      const config = configOf({ trainBatchSize, workers });
      return sumsHeldBy(config, planTraining({ lengths }, config));
    };
    // Shards of 4 rows of 128 tokens.
    expect(held(32, 1)).toEqual([4]);
    expect(held(32, 2)).toEqual([3, 3]);
    expect(held(64, 2)).toEqual([4, 4]);
    // A rank without shards has a slot for the result.
    expect(held(4, 2)).toEqual([1, 1]);
  });

  /** Measured peaks, summary.json, rows of 128 tokens on an AMD Zen 3. */
  it.each([
    ['openvino', 1, 16, 3.1e9],
    ['openvino', 2, 16, 5.32e9],
    ['openvino', 2, 32, 5.89e9],
    ['openvino', 2, 64, 6.63e9],
    ['onnx', 1, 16, 3.42e9],
  ] as const)(
    'is within 15 %% of the peak with %s, %d workers and %d rows',
    (engine, workers, trainBatchSize, peak) => {
      const { totalBytes } = needOf({ engine, workers, trainBatchSize });
      expect(Math.abs(totalBytes / peak - 1)).toBeLessThan(0.15);
    },
  );

  it('refuses what does not fit with both numbers, and tells what fits', () => {
    const config = configOf({ workers: 2 });
    const alternatives = memoryAlternatives(config, { lengths }, bertBase);
    const need = needOf({ workers: 2 });
    const refuse = (available: number) => () =>
      requireMachineMemory(need, available, { workers: 2, alternatives });
    expect(refuse(need.totalBytes)).not.toThrow();
    expect(refuse(4e9)).toThrow(
      /needs about [56]\.\d\d GB of memory and 4\.00 GB are available: 2 workers of .*what fits: --workers 1 \(3\.\d\d GB\)/,
    );
    expect(refuse(1e9)).toThrow(/no number of workers and no batch fits/);
  });
});

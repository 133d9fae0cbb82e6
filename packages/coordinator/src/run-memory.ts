/** What a run needs of memory and what would need less: the plan's shapes and sums, put into numbers. */
import { assignShards, planTraining, type SampleSizes, type TrainingPlan } from '@microtune/data';
import type { ResolvedConfig } from '@microtune/shared';
import { memoryNeed, type Alternative, type MemoryNeed, type ModelNumbers } from './memory-need.js';
import { mostSumsHeld } from './sums-held.js';

/** By rank: gradients that it holds at once at most. */
export function sumsHeldBy(config: ResolvedConfig, training: TrainingPlan): number[] {
  const speeds = Array.from({ length: config.workers }, () => 1);
  const rangesOf = (step: number) => assignShards(training.shardsOf(step), speeds);
  return mostSumsHeld({ ...config, ...training, rangesOf });
}

export function runMemory(
  config: ResolvedConfig,
  training: TrainingPlan,
  model: ModelNumbers,
): MemoryNeed {
  const { engine, devices } = config;
  return memoryNeed({
    model,
    engine,
    shapes: training.shapes,
    sumsHeld: sumsHeldBy(config, training),
    onCards: devices.some((name) => name !== 'cpu'),
  });
}

/**
 * Other options for the same data, best first: fewer workers change no bit of the result.
 * @param sizes of the training samples
 */
export function memoryAlternatives(
  config: ResolvedConfig,
  sizes: SampleSizes,
  model: ModelNumbers,
): Alternative[] {
  const { workers, trainBatchSize, microBatchTokens } = config;
  const other = (option: string, changes: Partial<ResolvedConfig>): Alternative => ({
    option,
    needBytes: () => {
      const changed = { ...config, ...changes };
      return runMemory(changed, planTraining(sizes, changed), model).totalBytes;
    },
  });
  const fewer = Array.from({ length: Math.min(8, workers - 1) }, (_, index) => workers - 1 - index);
  const parts = (value: number, least: number): number[] =>
    [2, 4, 8].map((part) => Math.floor(value / part)).filter((part) => part >= least);
  return [
    ...fewer.map((count) => other(`--workers ${count}`, { workers: count })),
    ...parts(trainBatchSize, 1).map((rows) =>
      other(`--train_batch_size ${rows}`, { trainBatchSize: rows }),
    ),
    ...parts(microBatchTokens, 64).map((tokens) =>
      other(`--micro_batch_tokens ${tokens}`, { microBatchTokens: tokens }),
    ),
  ];
}

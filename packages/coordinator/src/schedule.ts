/**
 * Learning rates and step counts, number for number those of HuggingFace's Trainer (transformers 5:
 * `optimization.get_scheduler`, `TrainingArguments.get_warmup_steps`, `Trainer.set_initial_training_values`).
 * A *step* is one optimizer update, counted from 1; the rate of step s is the schedule's value at s - 1, because
 * the Trainer advances its scheduler after each update.
 */
import type { ResolvedConfig } from '@microtune/shared';

export type ScheduleConfig = Pick<
  ResolvedConfig,
  'learningRate' | 'lrSchedulerType' | 'lrSchedulerKwargs' | 'warmupSteps' | 'warmupRatio'
>;

/** Steps that see every row once; the short last batch counts. */
export function stepsPerEpoch(numSamples: number, trainBatchSize: number): number {
  return Math.max(1, Math.ceil(numSamples / trainBatchSize));
}

/** Steps of the whole run: `maxSteps` where it is above 0, else the epochs (fractions round up). */
export function totalSteps(
  config: Pick<ResolvedConfig, 'maxSteps' | 'numTrainEpochs'>,
  stepsOfEpoch: number,
): number {
  return config.maxSteps > 0 ? config.maxSteps : Math.ceil(config.numTrainEpochs * stepsOfEpoch);
}

/** A count that is a fraction of all steps when below 1, as logging_steps, eval_steps and save_steps are. */
export function resolveCount(stepsOrFraction: number, stepsOfRun: number): number {
  return stepsOrFraction < 1
    ? Math.ceil(stepsOfRun * stepsOrFraction)
    : Math.floor(stepsOrFraction);
}

export function warmupStepCount(
  config: Pick<ResolvedConfig, 'warmupSteps' | 'warmupRatio'>,
  stepsOfRun: number,
): number {
  return resolveCount(
    config.warmupSteps > 0 ? config.warmupSteps : (config.warmupRatio ?? 0),
    stepsOfRun,
  );
}

/** Factor of the peak rate after warm-up, at `current` updates done. */
function decayFactor(
  config: ScheduleConfig,
  current: number,
  span: { warmup: number; total: number },
): number {
  const { warmup, total } = span;
  const decaySteps = Math.max(1, total - warmup);
  switch (config.lrSchedulerType) {
    case 'constant':
    case 'constant_with_warmup':
      return 1;
    case 'linear':
      return Math.max(0, (total - current) / decaySteps);
    case 'cosine': {
      const numCycles = config.lrSchedulerKwargs.numCycles ?? 0.5;
      const progress = (current - warmup) / decaySteps;
      return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * numCycles * 2 * progress)));
    }
    case 'polynomial': {
      const end = config.lrSchedulerKwargs.lrEnd ?? 1e-7;
      const power = config.lrSchedulerKwargs.power ?? 1;
      const start = config.learningRate;
      if (current > total) return end / start;
      const remaining = 1 - (current - warmup) / (total - warmup);
      return ((start - end) * remaining ** power + end) / start;
    }
  }
}

/**
 * Learning rate of an update.
 * @param step 1-based
 * @param stepsOfRun as `totalSteps` gives it
 */
export function learningRateAt(config: ScheduleConfig, step: number, stepsOfRun: number): number {
  if (config.learningRate === 0) return 0;
  const current = step - 1;
  const warmup = warmupStepCount(config, stepsOfRun);
  const warming = config.lrSchedulerType !== 'constant' && current < warmup;
  const factor = warming
    ? current / Math.max(1, warmup)
    : decayFactor(config, current, { warmup, total: stepsOfRun });
  return config.learningRate * factor;
}

/** Whether a run is as long as somebody can mean it, in steps and against its data. */
import { MicrotuneError, type ResolvedConfig } from '@microtune/shared';
import { warmupStepCount } from './schedule.js';

/** A run of more steps ends after everybody who could wait for it; numbers grow inexact soon after. */
const mostSteps = 1e9;

/** @throws MicrotuneError `usage` for a run that nobody means */
export function checkLength({ maxSteps, numTrainEpochs }: ResolvedConfig, steps: number): void {
  if (steps <= mostSteps) return;
  const option = maxSteps > 0 ? `max_steps ${maxSteps}` : `num_train_epochs ${numTrainEpochs}`;
  throw new MicrotuneError(
    'usage',
    `${option} makes a run of ${steps} steps: at most ${mostSteps}`,
  );
}

/** Lengths that are allowed and rarely meant. */
export function oddLengths(config: ResolvedConfig, totalSteps: number, rows: number): string[] {
  const warmup = warmupStepCount(config, totalSteps);
  return [
    ...(config.lrSchedulerType !== 'constant' && warmup >= totalSteps
      ? [
          `warm-up takes ${warmup} steps of a run of ${totalSteps}: the learning rate never reaches ${config.learningRate}; lower warmup_steps`,
        ]
      : []),
    ...(config.trainBatchSize > rows
      ? [
          `train_batch_size ${config.trainBatchSize} is more than all ${rows} rows: a step is an epoch`,
        ]
      : []),
  ];
}

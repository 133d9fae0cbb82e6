/**
 * The global batch, in rows of one optimizer step over all workers: fixed when a run is first resolved, kept by its
 * checkpoints, and by default the same for any number of workers, because the bits of the result depend on it.
 */
import type { ParsedConfig, ResolvedConfig } from '@microtune/shared';

/** HuggingFace's per_device_train_batch_size, taken for the whole batch. */
const defaultRows = 8;

type BatchOptions = Pick<ParsedConfig, 'perDeviceTrainBatchSize' | 'gradientAccumulationSteps'>;

/** Rows of a step where neither `train_batch_size` nor a checkpoint says. */
export function batchRows({
  perDeviceTrainBatchSize: rowsPerWorker,
  gradientAccumulationSteps,
  workers,
}: BatchOptions & { readonly workers: number }): number {
  const rows = rowsPerWorker === undefined ? defaultRows : rowsPerWorker * workers;
  return rows * gradientAccumulationSteps;
}

/** What the user should know where the number of workers has decided the batch. */
export function batchNotes(parsed: ParsedConfig, resolved: ResolvedConfig): string[] {
  const {
    perDeviceTrainBatchSize: rows,
    gradientAccumulationSteps: times,
    trainBatchSize,
  } = parsed;
  const fixed = trainBatchSize !== undefined || resolved.resumeFromCheckpoint !== undefined;
  if (rows === undefined || fixed) return [];
  const factors = [
    `per_device_train_batch_size ${rows}`,
    `${resolved.workers} worker${resolved.workers === 1 ? '' : 's'}`,
    ...(times === 1 ? [] : [`gradient_accumulation_steps ${times}`]),
  ];
  return [
    `a step has ${resolved.trainBatchSize} rows (${factors.join(' x ')}): another number of workers would make another result; ` +
      `for the same with any number: --train_batch_size ${resolved.trainBatchSize}`,
  ];
}

/** From what the user wrote to the configuration of this run: every choice made once, before any process starts. */
import { basename, resolve } from 'node:path';
import {
  MicrotuneError,
  defaultMaxSeqLength,
  resolvedConfigSchema,
  type ParsedConfig,
  type ResolvedConfig,
} from '@microtune/shared';
import { batchRows } from './batch-size.js';
import { listCheckpoints } from './list-checkpoints.js';
import { readTrainerState } from './trainer-state.js';

export interface Machine {
  /** Cores to share out among the workers. */
  readonly cores: number;
  /** The engine that `auto` means here. */
  readonly engine: ResolvedConfig['engine'];
  /** `cpu`, or the cards of the run by name. */
  readonly devices: readonly string[];
}

/**
 * The global batch is resolved here, once: `train_batch_size`, else that of the checkpoint to continue, else
 * `batchRows`.
 * @throws MicrotuneError `usage` when there is no checkpoint to continue,
 *   `data` when the checkpoint cannot be read
 */
export function resolveConfig(parsed: ParsedConfig, machine: Machine): ResolvedConfig {
  const checkpoint = checkpointToContinue(parsed);
  const ofCheckpoint =
    checkpoint === undefined ? undefined : readTrainerState(checkpoint).train_batch_size;
  const workers = parsed.workers ?? machine.devices.length;
  checkCores({ ...parsed, workers }, machine);
  return resolvedConfigSchema.parse({
    ...parsed,
    trainBatchSize: parsed.trainBatchSize ?? ofCheckpoint ?? batchRows({ ...parsed, workers }),
    maxSeqLength:
      parsed.maxSeqLength ?? defaultMaxSeqLength[parsed.task ?? 'sequence-classification'],
    dataSeed: parsed.dataSeed ?? parsed.seed,
    workers,
    devices: machine.devices,
    threadsPerWorker: parsed.threadsPerWorker ?? Math.max(1, Math.floor(machine.cores / workers)),
    engine: parsed.engine === 'auto' ? machine.engine : parsed.engine,
    resumeFromCheckpoint: checkpoint,
    runName: parsed.runName ?? basename(resolve(parsed.outputDir)),
  });
}

/** More than so many workers or threads a core only wait for each other; a thousand take the machine down. */
const mostPerCore = 4;

function checkCores(
  { workers, threadsPerWorker = 1 }: { workers: number; threadsPerWorker?: number | undefined },
  { cores, devices }: Machine,
): void {
  const most = mostPerCore * cores;
  const here = `this machine has ${cores} core${cores === 1 ? '' : 's'}`;
  if (devices[0] === 'cpu' && workers > most)
    throw new MicrotuneError('usage', `workers: ${workers} are too many, ${here}: at most ${most}`);
  if (threadsPerWorker > most) {
    throw new MicrotuneError(
      'usage',
      `threads_per_worker: ${threadsPerWorker} are too many, ${here}: at most ${most}`,
    );
  }
}

function checkpointToContinue({
  resumeFromCheckpoint,
  outputDir,
}: ParsedConfig): string | undefined {
  if (resumeFromCheckpoint === false || resumeFromCheckpoint === '') return undefined;
  if (resumeFromCheckpoint !== true) return resumeFromCheckpoint;
  const newest = listCheckpoints(outputDir).at(-1);
  if (newest !== undefined) return newest;
  throw new MicrotuneError(
    'usage',
    `resume_from_checkpoint: ${outputDir} holds no checkpoint to continue from`,
  );
}

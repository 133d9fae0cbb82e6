/**
 * Room on the disk that a run will take, told before it begins. Two figures, because two things are not known: which moments stay zero
 * and take no room (those of rows of tables that no batch has), and which of the saved weights are the same and stored once.
 */
import { existsSync, lstatSync, readdirSync, statfsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MicrotuneError } from '@microtune/shared';
import { createCadence } from './cadence.js';
import type { RunSpec } from './decide/run-spec.js';
import { namesOfRun } from './run-marker.js';

export interface DiskNeed {
  /** Beside what is there already, at the fullest moment. */
  readonly leastBytes: number;
  readonly mostBytes: number;
  /** New ones there at the same time; with save_total_limit one more than it keeps, because a new one is whole before an old one goes. */
  readonly checkpoints: number;
  /** Weights and all moments. */
  readonly checkpointBytes: number;
}

const bytesOfFloat = 4;

/** Numbers in a model. */
export interface ModelCounts {
  readonly all: number;
  /** Those that are trained: an adapter is they alone, and only they have moments. */
  readonly trained: number;
}

/** Methods whose result is an adapter beside its base model. */
const adapterMethods: ReadonlySet<string> = new Set(['lora', 'ia3']);

export function diskNeed(spec: RunSpec, model: ModelCounts): DiskNeed {
  const { config, totalSteps, stepsOfEpoch, start, existingCheckpoints } = spec;
  const cadence = createCadence(config, {
    totalSteps,
    stepsOfEpoch,
    hasEvaluation: spec.evaluation !== undefined,
  });
  const done = start?.state.global_step ?? 0;
  const steps = Array.from({ length: totalSteps - done }, (_, i) => done + 1 + i);
  const onlyBest = config.saveStrategy === 'best';
  const saves = steps.filter(onlyBest ? cadence.evaluates : cadence.saves).length;
  const present = existingCheckpoints.length;
  const limit = config.saveTotalLimit ?? Infinity;
  const checkpoints = Math.min(saves, Math.max(0, limit - present) + 1);
  const weights = bytesOfFloat * (adapterMethods.has(config.method) ? model.trained : model.all);
  const moments = 2 * bytesOfFloat * model.trained;
  const surely = onlyBest ? Math.min(1, checkpoints) : checkpoints;
  const endsWithCheckpoint = !onlyBest && cadence.saves(totalSteps);
  return {
    leastBytes: surely * (weights + moments / 2) + (endsWithCheckpoint ? 0 : weights),
    // The model at the end; the best weights, and the next best while they are written.
    mostBytes: checkpoints * (weights + moments) + weights * (config.loadBestModelAtEnd ? 3 : 1),
    checkpoints,
    checkpointBytes: weights + moments,
  };
}

/** Bytes that this user may still write; undefined where the file system does not tell. */
export function freeBytes(outputDir: string): number | undefined {
  let folder = resolve(outputDir);
  while (!existsSync(folder)) folder = dirname(folder);
  const { blocks, bavail, bsize } = statfsSync(folder);
  return blocks === 0 ? undefined : bavail * bsize;
}

/**
 * @returns what to say where it may not fit
 * @throws MicrotuneError `usage` when it cannot fit
 */
export function checkDisk(spec: RunSpec, model: ModelCounts): string | undefined {
  const root = spec.folder.root;
  const free = freeBytes(root);
  if (free === undefined) return undefined;
  const need = diskNeed(spec, model);
  // An overwritten run goes with the first checkpoint, which must fit beside it.
  const replaced = spec.start === undefined ? bytesOfRun(root) : 0;
  const atOnce = need.checkpoints > 0 ? need.checkpointBytes * (2 / 3) : need.leastBytes;
  const least = Math.max(Math.min(atOnce, need.leastBytes), need.leastBytes - replaced);
  const what =
    `${megabytes(free)} are free where ${root} is, and this run ` +
    `${free < least ? 'needs at least' : 'may need up to'} ${megabytes(free < least ? least : need.mostBytes - replaced)}: ` +
    `${need.checkpoints} ${need.checkpoints === 1 ? 'checkpoint' : 'checkpoints'} of ${megabytes(need.checkpointBytes)} at most, and the model. ` +
    'Free space, choose an --output_dir on another disk, or keep fewer checkpoints with --save_total_limit or --save_steps';
  if (free < least) throw new MicrotuneError('usage', `output_dir: ${what}`);
  return free < need.mostBytes - replaced ? what : undefined;
}

const megabytes = (bytes: number): string =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${Math.ceil(bytes / 1e6)} MB`;

function bytesOfRun(root: string): number {
  if (!existsSync(root)) return 0;
  return namesOfRun(root).reduce((sum, name) => sum + bytesOf(join(root, name)), 0);
}

/** What goes when the path is removed: of a file with several names, each has its share. */
function bytesOf(path: string): number {
  const stats = lstatSync(path);
  if (!stats.isDirectory()) return (stats.blocks * 512) / stats.nlink;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}

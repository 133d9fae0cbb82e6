/** What an output folder holds of an earlier run, and whether a new one may take its place. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { MicrotuneError, runFolder, type ResolvedConfig, type RunFolder } from '@microtune/shared';
import { listCheckpoints } from './list-checkpoints.js';
import { checkOutputFolder, realPath } from './output-folder.js';
import type { Summary } from './summary.js';

/** Whether the run goes on in the folder that holds its checkpoint; a checkpoint of elsewhere begins a new run here. */
export function goesOnInPlace({
  resumeFromCheckpoint: checkpoint,
  outputDir,
}: ResolvedConfig): boolean {
  return checkpoint !== undefined && realPath(dirname(checkpoint)) === realPath(outputDir);
}

/** A finished run, or checkpoints: what only --overwrite_output_dir may replace. */
export function holdsEarlierRun(folder: RunFolder): boolean {
  return finishedSummary(folder) !== undefined || listCheckpoints(folder.root).length > 0;
}

/** @throws MicrotuneError `usage` when a run must not be written into its output folder, as checkOutputFolder and refuseEarlierRun */
export function requireFreeFolder(config: ResolvedConfig): void {
  checkOutputFolder(config);
  if (!goesOnInPlace(config) && !config.overwriteOutputDir)
    refuseEarlierRun(runFolder(config.outputDir));
}

/** @throws MicrotuneError `usage` when the folder holds a finished run, or checkpoints of another, naming the ways out */
export function refuseEarlierRun(folder: RunFolder): void {
  const ways = 'choose another --output_dir, or allow it with --overwrite_output_dir';
  if (finishedSummary(folder) !== undefined) {
    throw new MicrotuneError('usage', `output_dir: ${folder.root} holds a finished run: ${ways}`);
  }
  const newest = listCheckpoints(folder.root).at(-1);
  if (newest === undefined) return;
  throw new MicrotuneError(
    'usage',
    `output_dir: ${folder.root} holds checkpoints of an earlier run: ` +
      `go on from ${newest} with --resume_from_checkpoint true, ${ways}`,
  );
}

/** The summary of a run that was trained to its end. */
export function finishedSummary({ summary: file }: RunFolder): Summary | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const summary = JSON.parse(readFileSync(file, 'utf8')) as Summary;
    return summary.status === 'completed' ? summary : undefined;
  } catch {
    // A summary cut short is not one of a finished run.
    return undefined;
  }
}

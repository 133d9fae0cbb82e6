/**
 * microtune.json: what makes a folder a run of ours. It is written by runs alone and says which files are theirs, where
 * names alone do not: a config.json beside it is the run's only once the run has saved its model there.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { checkpointStep, isModelFile, runFolder, type RunFolder } from '@microtune/shared';
import { z } from 'zod';
import { writeJsonFile } from './run-files.js';

const markerSchema = z.object({
  /** Of this file. */
  microtune_run: z.literal(1),
  run_id: z.string(),
  /** The model in the folder itself is the run's, or about to be. */
  has_model: z.boolean(),
});
export type RunMarker = z.infer<typeof markerSchema>;

/** Undefined where the folder is no run. */
export function readMarker(root: string): RunMarker | undefined {
  try {
    return markerSchema.parse(JSON.parse(readFileSync(runFolder(root).marker, 'utf8')));
  } catch {
    return undefined;
  }
}

/** @throws MicrotuneError `transient` when it cannot be written */
export function writeMarker(folder: RunFolder, marker: Omit<RunMarker, 'microtune_run'>): void {
  writeJsonFile(folder.marker, { microtune_run: 1, ...marker });
}

/** What in the folder belongs to the run that it holds; nothing where it holds none. */
export function namesOfRun(root: string): string[] {
  const marker = readMarker(root);
  if (marker === undefined) return [];
  return readdirSync(root).filter(
    (name) => isRunName(name) || (marker.has_model && isModelFile(name)),
  );
}

/** Written by every run, besides the model. */
export function isRunName(name: string): boolean {
  const { marker, config, metrics, events, summary, logs, best } = runFolder('');
  const own = [marker, config, metrics, events, summary, logs, best].map((path) => basename(path));
  return own.includes(name) || checkpointStep(name) !== undefined;
}

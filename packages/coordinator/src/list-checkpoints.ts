/** The checkpoints of a run folder, by their names alone: whole or cut, that shows when one is read. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkpointStep } from '@microtune/shared';

/** Checkpoint folders of a run folder, oldest first. */
export function listCheckpoints(outputDir: string): string[] {
  let names: string[];
  try {
    names = readdirSync(outputDir);
  } catch {
    // No run folder yet.
    return [];
  }
  return names
    .filter((name) => checkpointStep(name) !== undefined)
    .sort((a, b) => (checkpointStep(a) ?? 0) - (checkpointStep(b) ?? 0))
    .map((name) => join(outputDir, name));
}

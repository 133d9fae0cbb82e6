/** The checkpoints of a run folder, by their names and what files they have: whole or cut, that shows when one is read. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkpointStep, isCheckpointFile } from '@microtune/shared';

/** Checkpoint folders of a run folder, oldest first. */
export function listCheckpoints(outputDir: string): string[] {
  return namesIn(outputDir)
    .filter((name) => checkpointStep(name) !== undefined)
    .sort((a, b) => (checkpointStep(a) ?? 0) - (checkpointStep(b) ?? 0))
    .map((name) => join(outputDir, name))
    .filter((folder) => namesIn(folder).some(isCheckpointFile));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Not there yet, or no folder.
    return [];
  }
}

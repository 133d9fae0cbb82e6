/** Whether a run can write where it was told to, found out before anything starts and without touching the disk. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { MicrotuneError, messageOf } from '@microtune/shared';

/** @throws MicrotuneError `usage` naming what is in the way: a file, or a folder without permission */
export function checkOutputFolder(outputDir: string): void {
  const nearest = nearestExisting(resolve(outputDir));
  if (!statSync(nearest).isDirectory()) {
    throw new MicrotuneError(
      'usage',
      `output_dir: ${outputDir} cannot be made, because ${nearest} is a file`,
    );
  }
  try {
    accessSync(nearest, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new MicrotuneError(
      'usage',
      `output_dir: ${nearest} cannot be written: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** The path itself, or the closest folder (or file) above it that is there. */
function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

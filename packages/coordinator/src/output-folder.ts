/** Whether a run can write where it was told to, found out before anything starts, leaving the disk as it was. */
import { lstatSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MicrotuneError, messageOf } from '@microtune/shared';

/** @throws MicrotuneError `usage` naming what is in the way: a file, a dangling link, or a place where nothing can be made */
export function checkOutputFolder(outputDir: string): void {
  const nearest = nearestExisting(resolve(outputDir));
  try {
    if (!statSync(nearest).isDirectory()) {
      throw refusal(outputDir, `${nearest} is not a folder`);
    }
    // Only trying tells: permissions, read-only disks, and /proc, which allows everything and makes nothing.
    rmdirSync(mkdtempSync(join(nearest, '.microtune-try-')));
  } catch (error) {
    if (error instanceof MicrotuneError) throw error;
    throw refusal(outputDir, `nothing can be made in ${nearest} (${messageOf(error)})`, error);
  }
}

function refusal(outputDir: string, why: string, cause?: unknown): MicrotuneError {
  return new MicrotuneError(
    'usage',
    `output_dir: ${outputDir} cannot be written, because ${why}: choose another --output_dir`,
    { cause },
  );
}

/** The path itself, or the closest thing above it that is there; a link counts also when it leads nowhere. */
function nearestExisting(path: string): string {
  return isThere(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // Below a file, a loop of links or a closed folder: what is in the way lies further up.
    return false;
  }
}

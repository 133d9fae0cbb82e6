/**
 * Puts right what a killed process left in a run folder while it replaced a folder in it (models' atomic-folder.ts):
 * between the two renames the old content is whole as `<folder>.previous-<pid>`, and nothing has its name.
 */
import { existsSync, lstatSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  MicrotuneError,
  checkpointStep,
  diskErrorText,
  modelAside,
  parseAside,
  runFolder,
} from '@microtune/shared';

/**
 * Gives previous content its name back where nothing has it, and removes what else lies aside.
 * @param outputDir locked by the caller
 * @throws MicrotuneError `transient` when the folder cannot be changed
 */
export function recoverRunFolder(outputDir: string): void {
  const root = resolve(outputDir);
  const best = basename(runFolder(root).best);
  try {
    for (const name of readdirSync(root)) {
      const aside = parseAside(name);
      if (aside === undefined || !isOfOwner(join(root, name), root)) continue;
      if (aside.of !== best && aside.of !== modelAside && checkpointStep(aside.of) === undefined)
        continue;
      const [left, folder] = [join(root, name), join(root, aside.of)];
      if (aside.kind === 'previous' && !existsSync(folder)) renameSync(left, folder);
      else rmSync(left, { recursive: true });
    }
  } catch (cause) {
    throw new MicrotuneError('transient', `cannot tidy ${root}: ${diskErrorText(cause)}`, {
      cause,
    });
  }
}

/** A folder, no link, of this user or the run's owner: where all may write, anybody could put it there for us to take. */
function isOfOwner(path: string, root: string): boolean {
  const stats = lstatSync(path);
  return stats.isDirectory() && [process.getuid?.() ?? 0, statSync(root).uid].includes(stats.uid);
}

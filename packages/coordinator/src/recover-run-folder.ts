/**
 * Puts right what a killed process left in a run folder while it replaced a folder in it (models' atomic-folder.ts):
 * between the two renames the old content is whole as `<folder>.previous-<pid>`, and nothing has its name.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import {
  MicrotuneError,
  checkpointStep,
  diskErrorText,
  parseAside,
  runFolder,
} from '@microtune/shared';
import { runHolder } from './run-lock.js';

/**
 * Gives previous content its name back where nothing has it, and removes what else lies aside. Does nothing while another
 * process trains into the folder.
 * @throws MicrotuneError `transient` when the folder cannot be changed
 */
export function recoverRunFolder(outputDir: string): void {
  const root = resolve(outputDir);
  if (!existsSync(root) || runHolder(root) !== undefined) return;
  const best = basename(runFolder(root).best);
  try {
    recover(root, (name) => name === best || checkpointStep(name) !== undefined);
    recover(dirname(root), (name) => name === basename(root));
  } catch (cause) {
    throw new MicrotuneError('transient', `cannot tidy ${root}: ${diskErrorText(cause)}`, {
      cause,
    });
  }
}

/** @param isOurs whether a folder of that name is written by a run */
function recover(parent: string, isOurs: (name: string) => boolean): void {
  for (const name of readdirSync(parent)) {
    const aside = parseAside(name);
    if (aside === undefined || !isOurs(aside.of)) continue;
    const [left, folder] = [join(parent, name), join(parent, aside.of)];
    if (aside.kind === 'previous' && !existsSync(folder)) renameSync(left, folder);
    else rmSync(left, { recursive: true });
  }
}

/**
 * Writes a folder so that a reader sees the old one whole or the new one whole, also after a crash or a full disk.
 *
 * Everything goes into `<folder>.partial-<pid>` beside it, is fsynced, and is put in place by renames. A folder that
 * holds other things too (a run folder that gets the final model) keeps them: then each file is moved in by itself,
 * so every file is whole, and the caller's last file (config.json) says that the set is complete. There the partial
 * folder is inside, because what is beside may be another disk or closed to us: the folder may be a mounted volume.
 */
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  MicrotuneError,
  asideFolder,
  diskErrorText,
  makeFolder,
  modelAside,
  parseAside,
  type AsideKind,
} from '@microtune/shared';

export interface FolderContent {
  /** Writes all files into the folder given and returns their names, in the order in which they shall appear. */
  write(folder: string): Promise<readonly string[]>;
  /** Names that a former content may have left and that must go, e.g. weights in another number of files. */
  isOurs(name: string): boolean;
}

/** @throws MicrotuneError `transient` naming the folder; the previous content is whole, the temporary one removed */
export async function writeFolderAtomically(folder: string, content: FolderContent): Promise<void> {
  const target = resolve(folder);
  const inside = (await namesIn(target)).some((name) => !content.isOurs(name));
  const aside = inside ? join(target, modelAside) : target;
  const partial = asideFolder(aside, 'partial', process.pid);
  try {
    makeFolder(dirname(target));
    await removeTemporaries(aside, 'partial');
    await mkdir(partial);
    const names = await content.write(partial);
    for (const name of names) await sync(join(partial, name));
    await sync(partial);
    const present = await namesIn(target);
    if (inside || present.some((name) => !content.isOurs(name)))
      await moveInto(partial, target, { names, isOurs: content.isOurs, present });
    else await swap(partial, target);
    await sync(dirname(target));
    await removeTemporaries(target, 'previous');
  } catch (cause) {
    // A second failure while cleaning up must not hide the first.
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    // A problem of what is written (not of the disk) keeps its own code.
    if (cause instanceof MicrotuneError) throw cause;
    throw new MicrotuneError(
      'transient',
      `cannot save ${folder}${fileOf(cause, partial)}: ${diskErrorText(cause)}; what was there before is untouched`,
      { cause },
    );
  }
}

/** The file of the folder that an error of the file system is about, where it says. */
function fileOf(cause: unknown, partial: string): string {
  const { path } = cause as NodeJS.ErrnoException;
  return path?.startsWith(partial) === true ? ` (${basename(path)})` : '';
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function swap(partial: string, target: string): Promise<void> {
  if (!existsSync(target)) {
    await rename(partial, target);
    return;
  }
  // Node has no exchange of two folders; a crash between these renames leaves the old content whole under another name,
  // where the next run finds it (coordinator/src/recover-run-folder.ts).
  const previous = asideFolder(target, 'previous', process.pid);
  await rm(previous, { recursive: true, force: true });
  await rename(target, previous);
  try {
    await rename(partial, target);
  } catch (error) {
    await rename(previous, target);
    throw error;
  }
}

interface Moved {
  readonly names: readonly string[];
  /** What the folder held before. */
  readonly present: readonly string[];
  isOurs(name: string): boolean;
}

async function moveInto(
  partial: string,
  target: string,
  { names, isOurs, present }: Moved,
): Promise<void> {
  for (const name of names) await rename(join(partial, name), join(target, name));
  for (const name of present) {
    if (isOurs(name) && !names.includes(name)) await rm(join(target, name));
  }
  await sync(target);
  await rm(partial, { recursive: true });
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What this or a killed process left beside the folder. */
async function removeTemporaries(target: string, kind: AsideKind): Promise<void> {
  const left = (await readdir(dirname(target))).filter((name) => {
    const aside = parseAside(name);
    return aside?.of === basename(target) && aside.kind === kind;
  });
  for (const name of left) await rm(join(dirname(target), name), { recursive: true, force: true });
}

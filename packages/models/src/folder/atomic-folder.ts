/**
 * Writes a folder so that a reader sees the old one whole or the new one whole, also after a crash or a full disk.
 *
 * Everything goes into `<folder>.partial-<pid>` beside it, is fsynced, and is put in place by renames. A folder that
 * holds other things too (a run folder that gets the final model) keeps them: then each file is moved in by itself,
 * so every file is whole, and the caller's last file (config.json) says that the set is complete.
 */
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  MicrotuneError,
  asideFolder,
  diskErrorText,
  makeFolder,
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
  const partial = asideFolder(target, 'partial', process.pid);
  try {
    makeFolder(dirname(target));
    await removeTemporaries(target, 'partial');
    await mkdir(partial);
    const names = await content.write(partial);
    for (const name of names) await sync(join(partial, name));
    await sync(partial);
    await place(partial, target, { names, isOurs: content.isOurs });
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

type Placed = { names: readonly string[]; isOurs: (name: string) => boolean };

async function place(partial: string, target: string, placed: Placed): Promise<void> {
  const present = existsSync(target) ? await readdir(target) : [];
  if (present.every(placed.isOurs)) await swap(partial, target);
  else await moveInto(partial, target, { ...placed, present });
  await sync(dirname(target));
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

async function moveInto(
  partial: string,
  target: string,
  { names, isOurs, present }: Placed & { present: readonly string[] },
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

/**
 * Where a set-up happens: in a folder aside, which is renamed into place when what it holds has been tried; so an
 * interrupted set-up changes nothing.
 */
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MicrotuneError, makeFolder, messageOf } from '@microtune/shared';

/** A fresh folder below `parent` to prepare a set-up in. @throws MicrotuneError `usage` when nothing can be written there */
export async function makeFolderAside(parent: string): Promise<string> {
  try {
    makeFolder(parent);
    await removeAbandoned(parent);
    return await mkdtemp(join(parent, `.setup-${String(process.pid)}-`));
  } catch (error) {
    throw new MicrotuneError(
      'usage',
      `cannot write to ${parent}: ${messageOf(error)}; MICROTUNE_CACHE names another folder`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Renames a prepared folder to its place. A rename cannot replace a folder with files in it, so what is there steps
 * aside first, and comes back when the new one cannot be moved.
 * @throws MicrotuneError `transient`
 */
export async function putInPlace(aside: string, folder: string): Promise<void> {
  const old = `${aside}-old`;
  try {
    await chmod(aside, 0o755);
    const replaces = existsSync(folder);
    if (replaces) await rename(folder, old);
    try {
      await rename(aside, folder);
    } catch (error) {
      if (replaces) await rename(old, folder);
      throw error;
    }
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    throw new MicrotuneError(
      'transient',
      `cannot move the libraries to ${folder}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** Folders aside of set-ups that were killed: their process lives no more. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = /^\.setup-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(join(parent, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

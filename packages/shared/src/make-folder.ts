import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it that are missing; one that is there is fine.
 *
 * Not `mkdir` with `recursive`, which never returns where the file system answers ENOENT below a folder that is there,
 * as /proc does: Node then tries the parent and the folder in turn for ever.
 * @throws the file system's error, e.g. ENOTDIR below a file, EEXIST where a file or a dangling link has the name
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = dirname(path);
    if (code === 'EEXIST' && isFolder(path)) return;
    if (code !== 'ENOENT' || parent === path || existsSync(parent)) throw error;
    makeFolder(parent);
    makeFolder(path);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Errors of writing to an open file do not say which: these do. */
import { writeFile } from 'node:fs/promises';

/** @throws what `write` throws; an error of the file system that names no file gets `path` */
export async function namingFile<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof Error) (error as NodeJS.ErrnoException).path ??= path;
    throw error;
  }
}

export async function writeText(path: string, content: string | Uint8Array): Promise<void> {
  await namingFile(path, () => writeFile(path, content));
}

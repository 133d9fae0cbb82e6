/** Unpacking wheels piece by piece: NVIDIA's are larger than what one would hold in memory. */
import { closeSync, createReadStream, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MicrotuneError, messageOf } from '@microtune/shared';
import { Unzip, UnzipInflate } from 'fflate';
import type { UnzipFile } from 'fflate';

export interface InstalledFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly bytes: number;
}

/**
 * Writes files of a zip below an existing folder.
 * @param placeOf where a file of the zip goes, relative to the folder; undefined for one that is not wanted
 * @throws MicrotuneError `data` when it is no zip, holds none of them, or leads out of the folder, `transient` when writing fails
 */
export async function unpackWanted(
  zip: string,
  folder: string,
  placeOf: (path: string) => string | undefined,
): Promise<InstalledFile[]> {
  const installed: InstalledFile[] = [];
  const unzip = new Unzip((entry) => {
    const path = placeOf(entry.name);
    if (path === undefined) return;
    const file = create(join(folder, requireInside(path)));
    write(entry, file, (bytes) => installed.push({ path, bytes }));
  });
  unzip.register(UnzipInflate);
  try {
    for await (const chunk of createReadStream(zip, { highWaterMark: 1 << 20 }))
      unzip.push(chunk as Buffer);
    unzip.push(new Uint8Array(0), true);
  } catch (error) {
    if (error instanceof MicrotuneError) throw error;
    throw new MicrotuneError('data', `${zip} cannot be unpacked: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (installed.length > 0) return installed;
  throw new MicrotuneError('data', `${zip} is no zip or holds none of the files wanted`);
}

function requireInside(path: string): string {
  if (!path.startsWith('/') && !path.split('/').includes('..')) return path;
  throw new MicrotuneError('data', `the wheel holds a file that leads out of its folder: ${path}`);
}

/** @returns its descriptor */
function create(file: string): number {
  return attempt(file, () => {
    mkdirSync(dirname(file), { recursive: true });
    return openSync(file, 'w', 0o755);
  });
}

function write(entry: UnzipFile, file: number, done: (bytes: number) => void): void {
  let bytes = 0;
  entry.ondata = (error, chunk, final) => {
    if (error !== null) throw error;
    attempt(entry.name, () => {
      for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at);
    });
    bytes += chunk.length;
    if (!final) return;
    attempt(entry.name, () => fsyncSync(file));
    closeSync(file);
    done(bytes);
  };
  entry.start();
}

function attempt<Result>(name: string, write: () => Result): Result {
  try {
    return write();
  } catch (error) {
    throw new MicrotuneError('transient', `cannot write ${name}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

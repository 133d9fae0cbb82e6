/** Unpacking wheels piece by piece: NVIDIA's are larger than what one would hold in memory. */
import { closeSync, createReadStream, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MicrotuneError, messageOf } from '@microtune/shared';
import { Unzip, UnzipInflate } from 'fflate';
import type { UnzipFile } from 'fflate';

export interface InstalledFile {
  /** Relative to the folder, as in the wheel. */
  readonly path: string;
  readonly bytes: number;
}

/**
 * Writes the wanted files of a zip below an existing folder, at their own paths.
 * @throws MicrotuneError `data` when it is no zip, holds none of them, or leads out of the folder, `transient` when writing fails
 */
export async function unpackWanted(
  zip: string,
  folder: string,
  wanted: (path: string) => boolean,
): Promise<InstalledFile[]> {
  const installed: InstalledFile[] = [];
  const unzip = new Unzip((entry) => {
    if (!wanted(entry.name)) return;
    writeEntry(entry, folder, (bytes) => installed.push({ path: entry.name, bytes }));
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

function writeEntry(entry: UnzipFile, folder: string, done: (bytes: number) => void): void {
  if (entry.name.startsWith('/') || entry.name.split('/').includes('..')) {
    throw new MicrotuneError(
      'data',
      `the wheel holds a file that leads out of its folder: ${entry.name}`,
    );
  }
  const file = attempt(entry.name, () => {
    mkdirSync(dirname(join(folder, entry.name)), { recursive: true });
    return openSync(join(folder, entry.name), 'w', 0o755);
  });
  let bytes = 0;
  entry.ondata = (error, chunk, final) => {
    if (error !== null) throw error;
    attempt(entry.name, () => {
      for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at);
    });
    bytes += chunk.length;
    if (!final) return;
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

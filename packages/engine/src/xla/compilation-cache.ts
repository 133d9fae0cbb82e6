/**
 * Compiled programs on disk, keyed by all that decides them: program text, compile options, plugin, device, CPU.
 * Native code trusts what it loads, so an entry carries the hash of its bytes and is used only when it is whole.
 * Nothing here ever fails a compilation: an entry that cannot be read or written is as if there were none.
 */
import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@microtune/shared';

const hashBytes = 32;

export interface CompilationCache {
  /** The bytes stored under a key, undefined when there are none. */
  load(key: string): Promise<Uint8Array | undefined>;
  store(key: string, bytes: Uint8Array): Promise<void>;
  /** Forgets an entry that a plugin refused. */
  remove(key: string): Promise<void>;
}

/** The key of what these parts decide: sha256 in hex. */
export function cacheKey(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(createHash('sha256').update(part).digest());
  return hash.digest('hex');
}

/** A cache in a folder, made when first needed. Several processes may share it: entries are renamed into place. */
export function folderCache(folder: string): CompilationCache {
  const fileOf = (key: string) => join(folder, `${key}.pjrt`);
  return {
    load: async (key) => unsealed(await readFile(fileOf(key)).catch(() => undefined)),
    store: async (key, bytes) => {
      const aside = join(folder, `.${key}-${String(process.pid)}`);
      try {
        makeFolder(folder);
        await writeFile(aside, [digest(bytes), bytes]);
        await rename(aside, fileOf(key));
      } catch {
        await rm(aside, { force: true }).catch(() => undefined);
      }
    },
    remove: (key) => rm(fileOf(key), { force: true }).catch(() => undefined),
  };
}

function unsealed(entry: Buffer | undefined): Uint8Array | undefined {
  if (entry === undefined || entry.byteLength <= hashBytes) return undefined;
  const bytes = entry.subarray(hashBytes);
  return digest(bytes).equals(entry.subarray(0, hashBytes)) ? bytes : undefined;
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

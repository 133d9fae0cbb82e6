/**
 * Compiled graphs kept on disk: a second compilation of the same graph takes about half the time of the first.
 * OpenVINO writes into a folder that it is given (CACHE_DIR), in place, and several workers compile the same graph at
 * once. So each compilation of ours gets a folder of its own, which is renamed to the key of the graph when it is
 * complete; a folder under its key is only read. The key covers everything that may decide the result. Where nothing
 * can be written there is no cache, and nothing else changes.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@microtune/shared';

/** About 1 MB each for a training step of BERT. */
export const keptEntries = 128;

export class ModelCache {
  readonly #folder: string;

  /** @param folder made when the first graph is kept */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Calls `compile` with the folder to hand to OpenVINO, or undefined where there can be none.
   * @param identity everything that decides the compiled graph: ONNX bytes, CPU, options
   */
  async use<Result>(
    identity: readonly (string | Uint8Array)[],
    compile: (cacheFolder: string | undefined) => Promise<Result>,
  ): Promise<Result> {
    const entry = join(this.#folder, keyOf(identity));
    if (existsSync(entry)) return compile(entry);
    const aside = await this.#makeAside();
    if (aside === undefined) return compile(undefined);
    try {
      const result = await compile(aside);
      await this.#keep(aside, entry);
      return result;
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  }

  async #makeAside(): Promise<string | undefined> {
    try {
      makeFolder(this.#folder);
      return await mkdtemp(join(this.#folder, '.compiling-'));
    } catch {
      return undefined;
    }
  }

  /** Keeps what OpenVINO wrote; another process that was faster wrote the same. */
  async #keep(aside: string, entry: string): Promise<void> {
    if ((await readdir(aside)).length === 0) return;
    try {
      await rename(aside, entry);
    } catch {
      return;
    }
    await this.#dropOldest();
  }

  async #dropOldest(): Promise<void> {
    const entries = await Promise.all(
      (await readdir(this.#folder)).map(async (name) => ({
        path: join(this.#folder, name),
        since: await changedAt(join(this.#folder, name)),
      })),
    );
    entries.sort((a, b) => b.since - a.since);
    for (const { path } of entries.slice(keptEntries)) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

function keyOf(identity: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of identity) hash.update(`${String(part.length)}:`).update(part);
  return hash.digest('hex').slice(0, 32);
}

/** Another process may drop the same entry meanwhile. */
async function changedAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return 0;
  }
}

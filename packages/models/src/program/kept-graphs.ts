/**
 * Traced graphs kept on disk, as the bytes that an engine compiles. Tracing, passes and lowering are the same in every
 * process of every run with the same model and shapes, and take half a second of each start (docs/decisions/0016-kept-graphs.md).
 * The key covers everything that the bytes are made from, the code that makes them included; a file is verified when it is
 * read, and one that is damaged, or cannot be written, costs time and nothing else. Of each file the layout is
 *   JSON     border of the graph, number of its bytes, SHA-256 of both
 *   newline
 *   bytes    the lowered graph
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostRows, LoweredGraph } from '@microtune/engine';
import { makeFolder } from '@microtune/shared';
import type { DropoutSite } from './program.js';

/** All that a process needs of a traced graph. */
export interface KeptGraph extends LoweredGraph {
  readonly hostRows: readonly HostRows[];
  readonly dropoutSites: readonly DropoutSite[];
}

/** Some 200 kB each for a training step of BERT. */
export const keptGraphs = 256;

export class GraphStore {
  readonly #folder: string;
  readonly #codeId: string;

  /**
   * @param folder made when the first graph is kept
   * @param codeId of the code that traces and lowers: other code may make other bytes of the same request
   */
  constructor(folder: string, codeId: string) {
    this.#folder = folder;
    this.#codeId = codeId;
  }

  /**
   * The graph kept under `identity`; without one, what `make` gives, kept for the next process.
   * @param identity everything besides the code that decides what `make` gives
   */
  async use(identity: readonly string[], make: () => Promise<KeptGraph>): Promise<KeptGraph> {
    const key = sha256(JSON.stringify([this.#codeId, ...identity])).slice(0, 32);
    const file = join(this.#folder, `${key}.graph`);
    const known = await read(file);
    if (known !== undefined) return known;
    const made = await make();
    await this.#keep(file, made).catch(() => undefined);
    return made;
  }

  /** Another process that was faster wrote the same. */
  async #keep(file: string, { bytes, ...border }: KeptGraph): Promise<void> {
    makeFolder(this.#folder);
    const aside = await mkdtemp(join(this.#folder, '.writing-'));
    try {
      const written = join(aside, 'graph');
      const header = JSON.stringify({ border, sha256: digest(border, bytes) });
      await writeFile(written, [header, '\n', bytes]);
      await rename(written, file);
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
    await this.#dropOldest();
  }

  async #dropOldest(): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith('.graph'));
    if (names.length <= keptGraphs) return;
    const entries = await Promise.all(
      names.map(async (name) => {
        const path = join(this.#folder, name);
        return { path, since: (await stat(path)).mtimeMs };
      }),
    );
    entries.sort((a, b) => b.since - a.since);
    for (const { path } of entries.slice(keptGraphs)) await rm(path, { force: true });
  }
}

const sha256 = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

const digest = (border: object, bytes: Uint8Array): string => sha256(JSON.stringify(border), bytes);

async function read(file: string): Promise<KeptGraph | undefined> {
  try {
    const content = await readFile(file);
    const end = content.indexOf('\n');
    const header = JSON.parse(content.subarray(0, end).toString()) as {
      border: Omit<KeptGraph, 'bytes'>;
      sha256: string;
    };
    const bytes = content.subarray(end + 1);
    return digest(header.border, bytes) === header.sha256 ? { ...header.border, bytes } : undefined;
  } catch {
    return undefined;
  }
}

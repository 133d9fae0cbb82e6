import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GraphStore, keptGraphs, type KeptGraph } from './kept-graphs.js';

const graph: KeptGraph = {
  inputs: [{ name: 'x', shape: [2, 3], dtype: 'float32' }],
  outputs: [{ name: 'y', shape: [2], dtype: 'float32' }],
  hostRows: [
    {
      table: 'words',
      tableShape: [10, 4],
      ids: 'input_ids',
      rowsInput: 'words/rows',
      gradientOutput: undefined,
    },
  ],
  dropoutSites: [{ site: 'embeddings', rate: 0.1, shape: [2, 4] }],
  // A newline among them, which also ends the header.
  bytes: Uint8Array.from([1, 10, 255, 0, 123]),
};

let folder: string;
let made: number;
const make = (): Promise<KeptGraph> => {
  made++;
  return Promise.resolve(graph);
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'microtune-graphs-'));
  made = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const files = (): string[] => readdirSync(folder);

describe('GraphStore', () => {
  it('gives the next process what the first one made', async () => {
    await new GraphStore(folder, 'code').use(['bert', '4x128x1'], make);
    const again = await new GraphStore(folder, 'code').use(['bert', '4x128x1'], make);
    expect(made).toBe(1);
    expect({ ...again, bytes: Uint8Array.from(again.bytes) }).toEqual(graph);
    expect(files()).toHaveLength(1);
  });

  it('asks again for another request, and for other code', async () => {
    await new GraphStore(folder, 'code').use(['bert', '4x128x1'], make);
    await new GraphStore(folder, 'code').use(['bert', '4x64x1'], make);
    await new GraphStore(folder, 'other code').use(['bert', '4x128x1'], make);
    expect(made).toBe(3);
  });

  it('makes a damaged graph again, wherever the damage is', async () => {
    const store = new GraphStore(folder, 'code');
    await store.use(['bert'], make);
    const [name = ''] = files();
    const whole = readFileSync(join(folder, name));
    for (const at of [5, whole.length - 1]) {
      const damaged = Buffer.from(whole);
      damaged[at] = damaged[at] === 0x41 ? 0x42 : 0x41;
      writeFileSync(join(folder, name), damaged);
      made = 0;
      const again = await store.use(['bert'], make);
      expect(made, `damage at ${at}`).toBe(1);
      expect(again).toEqual(graph);
    }
    writeFileSync(join(folder, name), whole.subarray(0, 20));
    made = 0;
    await store.use(['bert'], make);
    expect(made).toBe(1);
  });

  it('works where nothing can be written', async () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const store = new GraphStore(join(file, 'graphs'), 'code');
    expect(await store.use(['bert'], make)).toEqual(graph);
    expect(await store.use(['bert'], make)).toEqual(graph);
    expect(made).toBe(2);
  });

  it(`keeps the newest ${keptGraphs}`, async () => {
    const store = new GraphStore(folder, 'code');
    for (let i = 0; i < keptGraphs + 3; i++) await store.use([String(i)], make);
    expect(files()).toHaveLength(keptGraphs);
    made = 0;
    await store.use([String(keptGraphs + 2)], make);
    expect(made).toBe(0);
  });
});

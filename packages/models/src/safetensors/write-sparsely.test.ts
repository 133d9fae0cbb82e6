import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeSparsely } from './write-sparsely.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sparse-'));
});
afterAll(async () => rm(root, { recursive: true }));

async function written(parts: readonly Uint8Array[]): Promise<{ bytes: Buffer; blocks: number }> {
  const path = join(root, 'file');
  await rm(path, { force: true });
  const handle = await open(path, 'wx');
  let position = 0;
  for (const part of parts) position = await writeSparsely(handle, part, position);
  await handle.truncate(position);
  await handle.sync();
  await handle.close();
  return { bytes: await readFile(path), blocks: (await stat(path)).blocks };
}

it('gives back every byte, wherever zeros begin and end, and stores none of long rows of them', async () => {
  let state = 7;
  const below = (bound: number): number => {
    state = (state * 48271) % 2147483647;
    return state % bound;
  };
  for (let round = 0; round < 30; round++) {
    const parts = Array.from({ length: 1 + below(4) }, () => {
      const part = new Uint8Array(below(150_000));
      for (let stroke = below(5); stroke > 0; stroke--) {
        const at = below(part.length + 1);
        part.fill(1 + below(255), at, at + below(20_000));
      }
      return part;
    });
    const { bytes } = await written(parts);
    expect(bytes.equals(Buffer.concat(parts))).toBe(true);
  }
  const mostlyZero = new Uint8Array(4 << 20).fill(1, 100_000, 120_000);
  const { bytes, blocks } = await written([new Uint8Array([1, 2, 3]), mostlyZero]);
  expect(bytes.length).toBe(3 + mostlyZero.length);
  expect(blocks * 512).toBeLessThan(100_000);
});

/** Whatever bytes a file holds: a MicrotuneError, or a right read. Never another error, a hang or a large allocation. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MicrotuneError } from '@microtune/shared';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isFloatDtype } from './dtype.js';
import { SafetensorsFile } from './reader.js';
import { writeSafetensors } from './writer.js';

type Mutation = { at: number; bytes: Uint8Array; remove: number };

function mutate(original: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  let bytes = Buffer.from(original);
  for (const { at, bytes: inserted, remove } of mutations) {
    const start = at % (bytes.length + 1);
    bytes = Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(start + remove)]);
  }
  return bytes;
}

/** Reads all floating tensors and returns their bytes as the data area must hold them. */
async function readEverything(path: string): Promise<void> {
  const file = await SafetensorsFile.open(path);
  try {
    const whole = await readFile(path);
    const dataOffset = 8 + Number(whole.readBigUInt64LE());
    for (const { name, dtype, shape, begin, end } of file.header.tensors.values()) {
      if (!isFloatDtype(dtype)) continue;
      const count = shape.reduce((product, n) => product * n, 1);
      expect(count).toBeLessThanOrEqual(whole.length);
      const values = new Float32Array(count);
      await file.readInto(name, shape, values);
      if (dtype === 'F32') {
        const expected = whole.subarray(dataOffset + begin, dataOffset + end);
        expect(Buffer.from(values.buffer).equals(expected)).toBe(true);
      }
    }
  } finally {
    await file.close();
  }
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.oneof(fc.nat(400), fc.nat(16)),
  bytes: fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc
      .constantFrom('0', '9', '-', '"', '{', '}', '[', ',', ':', 'F16', 'BF16', 'I64', 'null', '\\')
      .map((s) => Uint8Array.from(Buffer.from(s))),
  ),
  remove: fc.nat(6),
});

it('survives mutated files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'safetensors-fuzz-'));
  const path = join(folder, 'mutated.safetensors');
  await writeSafetensors(path, [
    { name: 'weight', shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) },
    { name: 'bias', shape: [3], values: Float32Array.of(7, 8, 9) },
  ]);
  const original = await readFile(path);
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
      await writeFile(path, mutate(original, mutations));
      try {
        await readEverything(path);
      } catch (error) {
        if (!(error instanceof MicrotuneError)) throw error;
        expect(error.code).toBe('data');
        refused++;
      }
    }),
    { numRuns: 1500 },
  );
  expect(refused).toBeGreaterThan(500);
  await rm(folder, { recursive: true });
});

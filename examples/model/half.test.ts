import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SafetensorsFile, writeSafetensors } from '@microtune/models';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'microtune-half-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('halved weights are the nearest bfloat16, ties to even', async () => {
  const { writeHalf } = (await import(new URL('half.js', import.meta.url).href)) as {
    writeHalf(from: string, to: string): void;
  };
  const [from, to] = [join(folder, 'full.safetensors'), join(folder, 'half.safetensors')];
  // bfloat16 has 7 bits behind the point: around 1 its steps are 2 ** -7.
  const step = 2 ** -7;
  const values = Float32Array.of(1, -3.5, 1 + 0.6 * step, 1 + 0.5 * step, 1 + 1.5 * step, 0);
  await writeSafetensors(from, [{ name: 'w', shape: [2, 3], values }]);
  writeHalf(from, to);
  const file = await SafetensorsFile.open(to);
  const read = new Float32Array(6);
  await file.readInto('w', [2, 3], read);
  await file.close();
  expect([...read]).toEqual([1, -3.5, 1 + step, 1, 1 + 2 * step, 0]);
});

it('the weights that ship are those that README.md names', () => {
  const bytes = readFileSync(fileURLToPath(new URL('nouns/model.safetensors', import.meta.url)));
  const readme = readFileSync(fileURLToPath(new URL('README.md', import.meta.url)), 'utf8');
  expect(readme).toContain(createHash('sha256').update(bytes).digest('hex'));
});

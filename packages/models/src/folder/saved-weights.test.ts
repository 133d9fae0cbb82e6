import { mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SavedWeights } from './saved-weights.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weights-'));
});
afterEach(async () => rm(root, { recursive: true }));

async function put(folder: string, text: string): Promise<string> {
  const path = join(root, folder);
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'model.safetensors'), text);
  await writeFile(join(path, 'config.json'), '{}');
  return path;
}

async function reuse(saved: SavedWeights, sha256: string): Promise<string[] | undefined> {
  const into = await mkdtemp(join(root, 'into-'));
  const names = await saved.of(sha256).reuse(into);
  expect(await readdir(into)).toEqual(names ?? []);
  if (names !== undefined)
    expect(await readFile(join(into, 'model.safetensors'), 'utf8')).toBe('weights');
  return names;
}

describe('SavedWeights', () => {
  it('gives weights to the next folder, and nothing but weights', async () => {
    const saved = new SavedWeights();
    const best = await put('best', 'weights');
    await saved.remember('a', best);
    expect(await reuse(saved, 'a')).toEqual(['model.safetensors']);
    expect(await reuse(saved, 'b')).toBeUndefined();
    // Another name of the file is a change of the file, but not of what is in it.
    expect(await reuse(saved, 'a')).toEqual(['model.safetensors']);
    expect((await stat(join(best, 'config.json'))).nlink).toBe(1);
  });

  it('finds them where the run has moved to', async () => {
    const saved = new SavedWeights();
    await saved.remember('a', await put('run/.microtune-next/checkpoint-2', 'weights'));
    await rename(join(root, 'run/.microtune-next/checkpoint-2'), join(root, 'run/checkpoint-2'));
    expect(await reuse(saved, 'a')).toEqual(['model.safetensors']);
  });

  it('takes nothing that was changed, replaced or removed since', async () => {
    const saved = new SavedWeights();
    const best = await put('best', 'weights');
    await saved.remember('a', best);
    await writeFile(join(best, 'model.safetensors'), 'WEIGHTS of another program');
    expect(await reuse(saved, 'a')).toBeUndefined();
    await rm(join(best, 'model.safetensors'));
    await put('best', 'weights');
    expect(await reuse(saved, 'a')).toBeUndefined();
    await rm(best, { recursive: true });
    expect(await reuse(saved, 'a')).toBeUndefined();
  });
});

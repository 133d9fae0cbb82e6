import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ModelCache, keptEntries } from './model-cache.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'microtune-model-cache-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** As OpenVINO does: writes a file when the folder holds none, and tells whether it had to. */
const compileInto = (cacheFolder: string | undefined): Promise<'compiled' | 'found'> => {
  if (cacheFolder !== undefined && existsSync(join(cacheFolder, 'x.blob')))
    return Promise.resolve('found');
  if (cacheFolder !== undefined) writeFileSync(join(cacheFolder, 'x.blob'), 'compiled');
  return Promise.resolve('compiled');
};

describe('cache of compiled graphs', () => {
  it('finds a graph again, and another graph not', async () => {
    const cache = new ModelCache(join(folder, 'compiled'));
    expect(await cache.use(['a', Uint8Array.of(1)], compileInto)).toBe('compiled');
    expect(await cache.use(['a', Uint8Array.of(1)], compileInto)).toBe('found');
    expect(await cache.use(['a', Uint8Array.of(2)], compileInto)).toBe('compiled');
    expect(await cache.use(['a1', Uint8Array.of()], compileInto)).toBe('compiled');
    expect(readdirSync(join(folder, 'compiled'))).toHaveLength(3);
  });

  it('serves several that compile the same graph at once', async () => {
    const cache = new ModelCache(folder);
    const slowly = async (cacheFolder: string | undefined) => {
      const result = await compileInto(cacheFolder);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return result;
    };
    const uses = [1, 2, 3].map(() => cache.use(['same'], slowly));
    expect(await Promise.all(uses)).toEqual(['compiled', 'compiled', 'compiled']);
    expect(readdirSync(folder)).toHaveLength(1);
    expect(await cache.use(['same'], compileInto)).toBe('found');
  });

  it('leaves nothing of a compilation that failed', async () => {
    const cache = new ModelCache(folder);
    const failing = async (cacheFolder: string | undefined) => {
      await compileInto(cacheFolder);
      throw new TypeError('refused');
    };
    await expect(cache.use(['bad'], failing)).rejects.toThrow('refused');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('does without where nothing can be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    const cache = new ModelCache(join(folder, 'file', 'compiled'));
    expect(await cache.use(['a'], (cacheFolder) => Promise.resolve(cacheFolder))).toBeUndefined();
  });

  it('drops the oldest beyond its limit', async () => {
    const cache = new ModelCache(folder);
    await cache.use(['first'], compileInto);
    for (const name of readdirSync(folder)) utimesSync(join(folder, name), 1, 1);
    for (let count = 0; count < keptEntries; count++) await cache.use([String(count)], compileInto);
    expect(readdirSync(folder)).toHaveLength(keptEntries);
    expect(await cache.use(['first'], compileInto)).toBe('compiled');
  });
});

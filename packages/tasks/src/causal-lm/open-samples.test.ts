import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSpanTokenizer, readColumns } from '@microtune/data';
import { afterAll, assert, describe, expect, it } from 'vitest';
import type { EncodeOptions, SampleSource } from './encode-samples.js';
import { openSamples } from './open-samples.js';

const folder = mkdtempSync(join(tmpdir(), 'microtune-open-'));
afterAll(() => rmSync(folder, { recursive: true }));
const tokenizer = await loadSpanTokenizer(
  fileURLToPath(new URL('../../oracle/bytes', import.meta.url)),
);

let names = 0;
const newFolder = (): string => join(folder, `cache-${names++}`);

function fileWith(text: string): string {
  const file = join(folder, `${names++}.jsonl`);
  writeFileSync(file, text);
  return file;
}

const rows = '{"prompt": "one", "completion": " two"}\n{"prompt": "a", "completion": " b c"}\n';
const options: EncodeOptions = { maxSeqLength: 64 };
const sourceOf = (file: string): SampleSource => ({
  files: [file],
  tokenizer,
  template: undefined,
});
/** The source without what tokenizes: only a cache entry can give samples. */
const mute = (file: string): SampleSource => ({
  ...sourceOf(file),
  tokenizer: {
    ...tokenizer,
    encode: () => Promise.reject(new TypeError('the tokenizer was called')),
  },
});

describe('a second start', () => {
  it('reads the samples of the first, and tokenizes nothing', async () => {
    const [cache, file] = [newFolder(), fileWith(rows)];
    const first = await openSamples(sourceOf(file), options, cache);
    const second = await openSamples(mute(file), options, cache);
    expect(second).toEqual(first);
    expect(second.samples.size).toBe(2);
    const elsewhere = await openSamples(mute(fileWith(rows)), options, cache);
    expect(elsewhere.contentHash).toBe(first.contentHash);
  });

  it.each([
    ['another length', { maxSeqLength: 32 }],
    ['another loss', { lossOn: 'all' as const }],
    ['another way with long rows', { longRows: 'drop' as const }],
  ])('with %s is another data set', async (_, change) => {
    const [cache, file] = [newFolder(), fileWith(rows)];
    const { contentHash } = await openSamples(sourceOf(file), options, cache);
    const other = await openSamples(sourceOf(file), { ...options, ...change }, cache);
    expect(other.contentHash).not.toBe(contentHash);
  });

  it('of changed bytes is another data set', async () => {
    const cache = newFolder();
    const [one, other] = await Promise.all(
      [rows, rows.replace('two', 'three')].map((text) =>
        openSamples(sourceOf(fileWith(text)), options, cache),
      ),
    );
    expect(one?.contentHash).not.toBe(other?.contentHash);
  });

  it('says again what was cut', async () => {
    const [cache, file] = [newFolder(), fileWith(rows)];
    const cut = { maxSeqLength: 3 };
    const { notes } = await openSamples(sourceOf(file), cut, cache);
    expect(notes.join()).toMatch(/rows have more than 3 tokens and were cut/);
    expect((await openSamples(mute(file), cut, cache)).notes).toEqual(notes);
  });
});

describe('an entry of the cache', () => {
  it('that is damaged anywhere reads as absent, and is made again', async () => {
    const [cache, file] = [newFolder(), fileWith(rows)];
    const { contentHash, samples } = await openSamples(sourceOf(file), options, cache);
    const [name] = readdirSync(cache);
    assert(name, 'one entry was written');
    const entry = join(cache, name);
    const whole = readFileSync(entry);
    const places = [0, 9, 20, whole.length - 40, whole.length - 1];
    for (const at of places) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x41;
      writeFileSync(entry, damaged);
      expect(await readColumns(cache, contentHash), `byte ${at}`).toBeUndefined();
    }
    for (const length of [0, 10, 100, whole.length - 1]) {
      writeFileSync(entry, whole.subarray(0, length));
      expect(await readColumns(cache, contentHash), `${length} bytes`).toBeUndefined();
    }
    expect((await openSamples(sourceOf(file), options, cache)).samples).toEqual(samples);
    expect(readFileSync(entry)).toEqual(whole);
  });

  it('cannot be written into a folder below a file: time is lost, and it is said', async () => {
    const file = fileWith(rows);
    const { samples, notes } = await openSamples(sourceOf(file), options, join(file, 'cache'));
    expect(samples.size).toBe(2);
    expect(notes).toEqual([expect.stringMatching(/tokenized data is not cached: ENOTDIR/)]);
  });

  it('leaves nothing else behind', async () => {
    const cache = newFolder();
    await openSamples(sourceOf(fileWith(rows)), options, cache);
    expect(readdirSync(cache)).toEqual([expect.stringMatching(/^[\da-f]{64}\.columns$/)]);
  });
});

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, assert, describe, expect, it } from 'vitest';
import { loadTextTokenizer } from './text-tokenizer.js';

const folder = mkdtempSync(join(tmpdir(), 'microtune-tokenizer-'));
afterAll(() => rmSync(folder, { recursive: true }));

function modelFolder(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content);
  return path;
}

const vocabulary = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'a',
  'b',
  'c',
  'film',
  '##s',
  'e',
].join('\n');

describe('vocab.txt alone', () => {
  const path = modelFolder('vocab', { 'vocab.txt': vocabulary });

  it('makes [CLS] A [SEP] B [SEP] with type ids', async () => {
    const tokenizer = await loadTextTokenizer(path, 16);
    expect(await tokenizer.encode([{ first: 'A Films é', second: 'zzz b' }])).toEqual([
      { ids: [2, 5, 8, 9, 10, 3, 1, 6, 3], typeIds: [0, 0, 0, 0, 0, 0, 1, 1, 1], isCut: false },
    ]);
    expect(await tokenizer.encode([])).toEqual([]);
  });

  it('says which texts and pairs had more tokens than fit', async () => {
    const tokenizer = await loadTextTokenizer(path, 6);
    const long = { first: 'a b a b a', second: undefined };
    const fits = { first: 'a b a b', second: undefined };
    const isCut = async (...texts: { first: string; second: string | undefined }[]) =>
      (await tokenizer.encode(texts)).map((row) => [row.ids.length, row.isCut]);
    expect(await isCut(long, fits)).toEqual([
      [6, true],
      [6, false],
    ]);
    expect(await isCut({ first: 'a b', second: 'a' }, { first: 'a b', second: 'a b' })).toEqual([
      [6, false],
      [6, true],
    ]);
  });

  it('honours do_lower_case and truncation_side', async () => {
    const cased = modelFolder('cased', {
      'vocab.txt': vocabulary,
      'tokenizer_config.json': '{"do_lower_case": false, "truncation_side": "left"}',
    });
    const tokenizer = await loadTextTokenizer(cased, 4);
    const [encoded] = await tokenizer.encode([{ first: 'a b A c', second: undefined }]);
    expect(encoded?.ids).toEqual([2, 1, 7, 3]);
  });

  it('cuts pairs longest first', async () => {
    const tokenizer = await loadTextTokenizer(path, 8);
    const [encoded] = await tokenizer.encode([{ first: 'a a a a a a', second: 'b b' }]);
    expect(encoded?.ids).toEqual([2, 5, 5, 5, 3, 6, 6, 3]);
  });

  it('never goes beyond what the model takes', async () => {
    const short = modelFolder('short', {
      'vocab.txt': vocabulary,
      'tokenizer_config.json': '{"model_max_length": 5}',
    });
    expect((await loadTextTokenizer(short, 128)).maxSeqLength).toBe(5);
  });
});

describe('with a cache folder', () => {
  it('is not parsed before the first text, when it was seen before', async () => {
    const path = modelFolder('kept', { 'vocab.txt': vocabulary });
    const cache = join(path, 'cache');
    const first = await loadTextTokenizer(path, 16, cache);
    const [name = ''] = readdirSync(join(cache, 'tokenizers'));
    const file = join(cache, 'tokenizers', name);
    const facts = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...facts, padTokenId: 77 }));
    const again = await loadTextTokenizer(path, 16, cache);
    expect([first.padTokenId, again.padTokenId]).toEqual([0, 77]);
    expect(again.blankTokens).toEqual({ single: 2, pair: 3 });
    const texts = [{ first: 'A Films é', second: 'zzz b' }];
    expect(await again.encode(texts)).toEqual(await first.encode(texts));
  });
});

describe('refuses', () => {
  it.each([
    ['nothing', {}, 'data', /no tokenizer; expected tokenizer\.json or vocab\.txt/],
    [
      'cut',
      { 'tokenizer.json': '{"version": "1.0"' },
      'data',
      /tokenizer\.json: broken tokenizer: EOF/,
    ],
    ['array', { 'tokenizer.json': '[]' }, 'data', /broken tokenizer/],
    [
      'no-cls',
      { 'vocab.txt': '[PAD]\n[UNK]\na' },
      'data',
      /vocab\.txt: no \[CLS\] in the vocabulary/,
    ],
    [
      'config',
      { 'vocab.txt': vocabulary, 'tokenizer_config.json': '{' },
      'data',
      /tokenizer_config\.json: bad JSON/,
    ],
    [
      'config without keys',
      { 'vocab.txt': vocabulary, 'tokenizer_config.json': 'null' },
      'data',
      /tokenizer_config\.json: expected a JSON object/,
    ],
  ])('%s', async (name, files, code, message) => {
    await expect(loadTextTokenizer(modelFolder(name, files), 16)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as unknown,
    });
  });

  it('a length without room for text', async () => {
    const path = modelFolder('tiny', { 'vocab.txt': vocabulary });
    await expect(loadTextTokenizer(path, 3)).rejects.toThrow(
      /max_seq_length 3 leaves no room .* 3 special/,
    );
  });
});

const minilm = fileURLToPath(new URL('../../../../shared/models/minilm-l6', import.meta.url));

// The model is not part of the repository; oracle/make_tokens.py says where the numbers come from.
describe.skipIf(!existsSync(minilm))('MiniLM (skipped where ../shared/models is absent)', () => {
  const cases = JSON.parse(
    readFileSync(new URL('../oracle/tokens.json', import.meta.url), 'utf8'),
  ) as {
    maxSeqLength: number;
    text: [string, string?];
    ids: number[];
    typeIds: number[];
  }[];

  it.each(['tokenizer.json', 'vocab.txt'])(
    'gives the tokens of transformers from %s',
    async (file) => {
      const path = modelFolder(`minilm-${file}`, {});
      copyFileSync(join(minilm, file), join(path, file));
      const tokenizers = new Map(
        await Promise.all(
          [16, 33, 128, 512].map(
            async (length) => [length, await loadTextTokenizer(path, length)] as const,
          ),
        ),
      );
      for (const { maxSeqLength, text, ids, typeIds } of cases) {
        const tokenizer = tokenizers.get(maxSeqLength);
        assert(tokenizer, `no tokenizer of ${maxSeqLength}`);
        const [encoded] = await tokenizer.encode([{ first: text[0], second: text[1] }]);
        expect(encoded).toMatchObject({ ids, typeIds });
      }
    },
  );
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Tokenizer } from 'tokenizers';
import { afterAll, describe, expect, it } from 'vitest';
import { bertTokenizerJson } from './bert-tokenizer.js';
import { cutAtSpace, endsWordsAtSpaces } from './cut-long-text.js';
import { loadTextTokenizer } from './text-tokenizer.js';

const vocabulary =
  '[PAD] [UNK] [CLS] [SEP] [MASK] a b film ##s ##a e é i σ ς 中 ##中 한 , . - [ ] ##]'.replaceAll(
    ' ',
    '\n',
  );
const folder = mkdtempSync(join(tmpdir(), 'microtune-cut-'));
writeFileSync(join(folder, 'vocab.txt'), vocabulary);
afterAll(() => rmSync(folder, { recursive: true }));

/** What normalizers and the search for added tokens could carry over a cut. */
const pieces = fc.constantFrom(
  ...[
    'a',
    'B',
    'films',
    'é',
    'e\u0301',
    '\u0301',
    'Σ',
    'İ',
    '中',
    '中中',
    '한',
    '\u1112\u1161\u11ab',
    '👍🏽',
    '\ud83d',
  ],
  ...[
    ' ',
    '  ',
    '\t',
    '\n',
    '\r\n',
    '\u00a0',
    '\u3000',
    '\u200d',
    '\u0000',
    '\u0007',
    '\ufffd',
    '\ufeff',
  ],
  ...['[SEP]', '[MASK]', '[', 'SEP]', ',', '.', '-', 'x'.repeat(101)],
);
const texts = fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join(''));

describe('endsWordsAtSpaces', () => {
  const definition = JSON.parse(bertTokenizerJson(vocabulary, {}, 'vocab.txt')) as object;

  it('is so for BERT alone', () => {
    expect(endsWordsAtSpaces(definition)).toBe(true);
    const token = (content: string) => [{ id: 3, content }];
    for (const other of [
      { model: { type: 'Unigram' } },
      { normalizer: { type: 'Precompiled' } },
      { pre_tokenizer: null },
      { added_tokens: token('New York') },
      { added_tokens: token('中') },
    ]) {
      expect(endsWordsAtSpaces({ ...definition, ...other })).toBe(false);
    }
  });

  it.each([
    {},
    { do_lower_case: false },
    { strip_accents: false },
    { tokenize_chinese_chars: false },
  ])('what stands before a space has the first tokens of the whole: %j', async (config) => {
    const tokenizer = Tokenizer.fromString(bertTokenizerJson(vocabulary, config, 'vocab.txt'));
    const idsOf = async (text: string) =>
      (await tokenizer.encode(text, undefined, { addSpecialTokens: false })).getIds();
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.constantFrom(' ', '\t', '\n', '\r'),
        texts,
        async (start, space, rest) => {
          const ids = await idsOf(start);
          expect((await idsOf(start + space + rest)).slice(0, ids.length)).toEqual(ids);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('cutAtSpace', () => {
  it('leaves short texts and texts without a space', () => {
    expect(cutAtSpace('a '.repeat(5000), 8)).toBeUndefined();
    expect(cutAtSpace('a'.repeat(50_000), 8)).toBeUndefined();
    expect(cutAtSpace(`a b${'c'.repeat(50_000)}`, 8)).toBe('a');
  });
});

describe('loadTextTokenizer', () => {
  const limit = 12;
  const whole = Tokenizer.fromString(bertTokenizerJson(vocabulary, {}, 'vocab.txt'));
  whole.setTruncation(limit);
  const uncut = Tokenizer.fromString(bertTokenizerJson(vocabulary, {}, 'vocab.txt'));

  it('gives long texts the tokens of the whole text, and says whether there were more', async () => {
    const tokenizer = await loadTextTokenizer(folder, limit);
    // Much room before and between a few words, so that the cut leaves too little, just enough, or more.
    const room = fc.constantFrom(
      ' '.repeat(1000),
      '\n'.repeat(3000),
      'x'.repeat(4000),
      ' '.repeat(10_900),
    );
    const long = fc
      .array(fc.oneof({ weight: 3, arbitrary: texts }, { weight: 1, arbitrary: room }), {
        maxLength: 24,
      })
      .map((parts) => parts.join(' '));
    let cut = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(long, { maxLength: 3 }), async (rows) => {
        cut += rows.filter((row) => cutAtSpace(row, limit) !== undefined).length;
        const encoded = await tokenizer.encode(rows.map((first) => ({ first, second: undefined })));
        const expected = await Promise.all(rows.map((row) => whole.encode(row)));
        expect(encoded.map(({ ids }) => ids)).toEqual(expected.map((one) => one.getIds()));
        expect(encoded.map(({ typeIds }) => typeIds)).toEqual(
          expected.map((one) => one.getTypeIds()),
        );
        const all = await Promise.all(rows.map((row) => uncut.encode(row)));
        expect(encoded.map(({ isCut }) => isCut)).toEqual(
          all.map((one) => one.getLength() > limit),
        );
      }),
      { numRuns: 100 },
    );
    expect(cut).toBeGreaterThan(20);
  });

  it('reads a line of 20 MB no further than its tokens are kept', async () => {
    const tokenizer = await loadTextTokenizer(folder, 128);
    const started = performance.now();
    const [encoded] = await tokenizer.encode([
      { first: 'a film, '.repeat(2_500_000), second: undefined },
    ]);
    expect(encoded?.ids).toHaveLength(128);
    // Whole it takes more than 10 s.
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('keeps the end of a long text where the left is cut', async () => {
    writeFileSync(join(folder, 'tokenizer_config.json'), '{"truncation_side": "left"}');
    const tokenizer = await loadTextTokenizer(folder, limit);
    const [encoded] = await tokenizer.encode([
      { first: `${'a '.repeat(20_000)}b`, second: undefined },
    ]);
    expect(encoded?.ids.at(-2)).toBe(vocabulary.split('\n').indexOf('b'));
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadSpanTokenizer } from './span-tokenizer.js';

const folder = mkdtempSync(join(tmpdir(), 'microtune-spans-'));
afterAll(() => rmSync(folder, { recursive: true }));

const definition = {
  version: '1.0',
  // Both must not leak into what is encoded.
  truncation: { direction: 'Right', max_length: 2, strategy: 'LongestFirst', stride: 0 },
  padding: {
    strategy: { Fixed: 9 },
    direction: 'Right',
    pad_to_multiple_of: null,
    pad_id: 0,
    pad_type_id: 0,
    pad_token: '<s>',
  },
  added_tokens: [
    {
      id: 0,
      content: '<s>',
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    },
    {
      id: 5,
      content: '<end>',
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    },
  ],
  normalizer: null,
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] } },
  },
  decoder: null,
  model: { type: 'WordLevel', vocab: { '<s>': 0, a: 1, b: 2, '🎉': 3, '?': 4 }, unk_token: '?' },
};
writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(definition));
writeFileSync(
  join(folder, 'special_tokens_map.json'),
  '{"eos_token": "of the map", "bos_token": {"content": "<s>"}, "additional_special_tokens": ["a"]}',
);
writeFileSync(
  join(folder, 'tokenizer_config.json'),
  '{"eos_token": "<end>", "unk_token": null, "model_max_length": 2}',
);

describe('a tokenizer with places', () => {
  it('gives ids and the code points they stand for, uncut and unpadded', async () => {
    const tokenizer = await loadSpanTokenizer(folder);
    const texts = ['🎉 a<end>b c', ''];
    expect(await tokenizer.encode(texts, { addSpecialTokens: false })).toEqual([
      {
        ids: [3, 1, 5, 2, 4],
        places: [
          [0, 1],
          [2, 3],
          [3, 8],
          [8, 9],
          [10, 11],
        ],
      },
      { ids: [], places: [] },
    ]);
    expect(await tokenizer.encode(['a'], { addSpecialTokens: true })).toEqual([
      {
        ids: [0, 1],
        places: [
          [0, 0],
          [0, 1],
        ],
      },
    ]);
  });

  it('knows the tokens with names: tokenizer_config.json goes before special_tokens_map.json', async () => {
    const { specialTokens } = await loadSpanTokenizer(folder);
    expect(specialTokens).toEqual({ bos_token: '<s>', eos_token: '<end>' });
  });

  it('knows its vocabulary, and goes back to texts', async () => {
    const tokenizer = await loadSpanTokenizer(folder);
    expect(tokenizer.vocabularySize).toBe(6);
    expect(tokenizer.controlTokens).toEqual(['<s>', '<end>']);
    expect([tokenizer.idOf('b'), tokenizer.idOf('z')]).toEqual([2, undefined]);
    expect([tokenizer.tokenOf(5), tokenizer.tokenOf(7)]).toEqual(['<end>', undefined]);
    expect(await tokenizer.decode([1, 5])).toBe('a <end>');
    expect(await tokenizer.decode([1, 5], { skipSpecialTokens: true })).toBe('a');
  });

  it('is missing or broken with an error that names the file', async () => {
    await expect(loadSpanTokenizer(join(folder, 'none'))).rejects.toThrow(
      /none: no tokenizer; expected tokenizer\.json/,
    );
    const broken = mkdtempSync(join(folder, 'broken-'));
    writeFileSync(join(broken, 'tokenizer.json'), '{}');
    await expect(loadSpanTokenizer(broken)).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(/tokenizer\.json: broken tokenizer: /) as unknown,
    });
  });
});

import { fileURLToPath } from 'node:url';
import { loadSpanTokenizer } from '@microtune/data';
import { describe, expect, it } from 'vitest';
import { PieceDecoder } from './piece-decoder.js';

/** Reads bytes, some of them merged: a token may end in the middle of a character. */
const tokenizer = await loadSpanTokenizer(
  fileURLToPath(new URL('../../../tasks/oracle/bytes', import.meta.url)),
);
const idsOf = async (text: string): Promise<readonly number[]> =>
  (await tokenizer.encode([text], { addSpecialTokens: false }))[0]?.ids ?? [];

describe('PieceDecoder', () => {
  it('holds a character of several tokens back until it is whole, and its pieces are the text', async () => {
    const text = 'aé 日本 🎉.';
    const pieces: string[] = [];
    const decoder = new PieceDecoder(tokenizer, await idsOf('before '));
    for (const id of await idsOf(text)) pieces.push(await decoder.push(id));
    expect(pieces.join('') + (await decoder.finish())).toBe(text);
    expect(pieces).toContain('');
    expect(pieces.filter((piece) => piece.includes('\uFFFD'))).toEqual([]);
  });

  it('gives what is left of a character when the text ends in its middle', async () => {
    const decoder = new PieceDecoder(tokenizer, []);
    const [first = 0, second = 0] = (await idsOf('é')).slice(-2);
    expect(second).not.toBe(first);
    expect(await decoder.push(first)).toBe('');
    expect(await decoder.finish()).toMatch(/^\uFFFD/);
  });
});

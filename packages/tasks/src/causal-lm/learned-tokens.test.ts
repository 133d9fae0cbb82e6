import { describe, expect, it } from 'vitest';
import { learnedTokens } from './learned-tokens.js';

/** @param places of tokens in `text`, in code points */
function learned(text: string, part: string, places: readonly (readonly [number, number])[]) {
  const from = text.indexOf(part);
  const ids = places.map((_, index) => index);
  const { flags, straddling } = learnedTokens(text, [{ from, to: from + part.length }], {
    ids,
    places,
  });
  return { learned: ids.filter((id) => flags[id] === 1), straddling };
}

describe('a token is learned', () => {
  it('when it lies in a learned part', () => {
    const places = [
      [0, 2],
      [2, 3],
      [3, 5],
      [5, 6],
    ] as const;
    expect(learned('ab cd.', 'cd', places)).toEqual({ learned: [2], straddling: 0 });
  });

  it('when it reaches into one from before, which is counted', () => {
    const places = [
      [0, 2],
      [2, 5],
    ] as const;
    expect(learned('ab cd', 'cd', places)).toEqual({ learned: [1], straddling: 1 });
  });

  it('when it does so with a space whose place was trimmed away', () => {
    const places = [
      [0, 2],
      [3, 5],
    ] as const;
    expect(learned('ab cd', 'cd', places)).toEqual({ learned: [1], straddling: 1 });
    expect(learned('ab cd', ' cd', places)).toEqual({ learned: [1], straddling: 0 });
  });

  it('with all the tokens of a character of several bytes', () => {
    const places = [
      [0, 1],
      [1, 2],
      [1, 2],
      [2, 3],
      [2, 3],
    ] as const;
    expect(learned('a🎉é', '🎉', places)).toEqual({ learned: [1, 2], straddling: 0 });
    expect(
      learned('🎉bé', 'é', [
        [0, 1],
        [0, 1],
        [1, 2],
        [2, 3],
      ]),
    ).toEqual({ learned: [3], straddling: 0 });
  });

  it('when it is a lone space there, whose place was trimmed away', () => {
    // "a", then two spaces of which the first belongs to the part before.
    expect(
      learned('a  b', ' b', [
        [0, 1],
        [2, 2],
        [3, 4],
      ]).learned,
    ).toEqual([2]);
    expect(
      learned('a  b', '  b', [
        [0, 1],
        [2, 2],
        [3, 4],
      ]).learned,
    ).toEqual([1, 2]);
  });

  it('never when the tokenizer added it at the start', () => {
    expect(
      learned('ab', 'ab', [
        [0, 0],
        [0, 2],
      ]),
    ).toEqual({ learned: [1], straddling: 0 });
  });

  it('everywhere when no part is named', () => {
    const { flags } = learnedTokens('ab', undefined, {
      ids: [5, 6],
      places: [
        [0, 0],
        [0, 2],
      ],
    });
    expect([...flags]).toEqual([1, 1]);
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { chooseToken } from './choose-token.js';
import { readGenerationConfig } from './generation-config.js';
import { checkSampling, greedy, type SamplingOptions } from './sampling-options.js';
import { createStopFinder } from './stop-strings.js';
import { tokenProbabilities } from './token-probabilities.js';

/** By transformers: oracle/make_sampling.py. */
const oracle = JSON.parse(
  readFileSync(new URL('../../oracle/sampling.json', import.meta.url), 'utf8'),
) as {
  rows: Record<string, number[]>;
  cases: {
    row: string;
    settings: Partial<SamplingOptions>;
    said: number[];
    probabilities: number[];
  }[];
};
const plain: SamplingOptions = { ...greedy, temperature: 1 };
const place = { seed: 1, sample: 2, position: 3 };

describe('the probabilities of the next token', () => {
  it.each(oracle.cases)('are those of transformers: $row, $settings', (expected) => {
    const logits = Float32Array.from(oracle.rows[expected.row] ?? []);
    const options = { ...plain, ...expected.settings };
    const found = tokenProbabilities(logits, expected.said, options);
    expect(found.length).toBe(expected.probabilities.length);
    for (const [id, probability] of found.entries()) {
      const wanted = expected.probabilities[id] ?? 0;
      expect(probability === 0, `token ${id}`).toBe(wanted === 0);
      expect(Math.abs(probability - wanted)).toBeLessThan(1e-6);
    }
  });

  it('are all on the likeliest token at a temperature of 0, the first of several', () => {
    expect([...tokenProbabilities(Float32Array.of(1, 3, 3, 2), [], greedy)]).toEqual([0, 1, 0, 0]);
    const penalized = { ...greedy, repetitionPenalty: 2 };
    expect([...tokenProbabilities(Float32Array.of(1, 3, 2), [1], penalized)]).toEqual([0, 0, 1]);
  });

  it('leave the logits as they are', () => {
    const logits = Float32Array.of(1, -2, 3);
    tokenProbabilities(logits, [0, 1], {
      temperature: 2,
      topK: 1,
      topP: 0.5,
      repetitionPenalty: 2,
    });
    expect([...logits]).toEqual([1, -2, 3]);
  });

  it('of logits that are no numbers are an error', () => {
    expect(() => tokenProbabilities(Float32Array.of(1, NaN), [], plain)).toThrow(/no number/);
  });
});

describe('a token is chosen', () => {
  const logits = Float32Array.of(0, 1, 2, -1);

  it('the same for the same seed, sample and position, and otherwise anew', () => {
    const draw = (at: Partial<typeof place>): number[] =>
      Array.from({ length: 40 }, (_, turn) =>
        chooseToken(logits, [], plain, { ...place, ...at, position: turn }),
      );
    expect(draw({})).toEqual(draw({}));
    expect(draw({ seed: 2 })).not.toEqual(draw({}));
    expect(draw({ sample: 3 })).not.toEqual(draw({}));
    expect(new Set(draw({})).size).toBeGreaterThan(1);
  });

  it('as often as its probability says', () => {
    const counts = [0, 0, 0, 0];
    const draws = 20_000;
    for (let position = 0; position < draws; position++) {
      const id = chooseToken(logits, [], plain, { ...place, position });
      counts[id] = (counts[id] ?? 0) + 1;
    }
    tokenProbabilities(logits, [], plain).forEach((probability, id) => {
      // Four standard deviations; the draws are seeded, so this holds always or never.
      const spread = 4 * Math.sqrt((probability * (1 - probability)) / draws);
      expect(Math.abs((counts[id] ?? 0) / draws - probability)).toBeLessThan(spread);
    });
  });

  it('never one that was left out', () => {
    for (let position = 0; position < 500; position++)
      expect(chooseToken(logits, [], { ...plain, topK: 2 }, { ...place, position })).not.toBe(0);
  });
});

describe('options out of their range name themselves', () => {
  it.each([
    [{ temperature: -1 }, /^temperature: expected at least 0, got -1/],
    [{ temperature: Infinity }, /^temperature: /],
    [{ topK: 1.5 }, /^top_k: expected a whole number/],
    [{ topP: 0 }, /^top_p: expected above 0 and at most 1, got 0/],
    [{ topP: 1.1 }, /^top_p: /],
    [{ repetitionPenalty: 0 }, /^repetition_penalty: expected above 0/],
  ])('%j', (change, message) => {
    expect(() => checkSampling({ ...plain, ...change })).toThrow(message);
    expect(() => checkSampling(plain)).not.toThrow();
  });
});

describe('stop strings', () => {
  /** What came out before the end, and whether a string ended it. */
  function read(pieces: readonly string[], stops: readonly string[]) {
    const finder = createStopFinder(stops);
    let text = '';
    for (const piece of pieces) {
      const found = finder.push(piece);
      text += found.text;
      if (found.stopped) return { text, stopped: true };
    }
    return { text: text + finder.finish(), stopped: false };
  }

  it('end a text, also where they come in pieces, and nothing of them is read', () => {
    expect(read(['one\n', '\nUs', 'er: two'], ['\nUser:'])).toEqual({
      text: 'one\n',
      stopped: true,
    });
    expect(createStopFinder(['<end>']).push('a<en')).toEqual({ text: 'a', stopped: false });
    expect(read(['a<en', 'x'], ['<end>'])).toEqual({ text: 'a<enx', stopped: false });
    expect(read(['ab'], [''])).toEqual({ text: 'ab', stopped: false });
  });

  it('end any text in any pieces where the first of them begins', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', 'ab', 'ba', 'c'), { maxLength: 12 });
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(letters, fc.array(word, { maxLength: 3 }), (pieces, stops) => {
        const text = pieces.join('');
        // A finder that reads piece by piece ends with the first string that is complete.
        let ends = text.length;
        let stopped = false;
        for (let length = 1, read = 0; read < pieces.length && !stopped; read++) {
          length = pieces.slice(0, read + 1).join('').length;
          const seen = text.slice(0, length);
          const places = stops.map((stop) => seen.indexOf(stop)).filter((at) => at !== -1);
          stopped = places.length > 0;
          if (stopped) ends = Math.min(...places);
        }
        expect(read(pieces, stops)).toEqual({ text: text.slice(0, ends), stopped });
      }),
    );
  });
});

describe('generation_config.json', () => {
  const folder = mkdtempSync(join(tmpdir(), 'microtune-generation-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const tokenizer = {
    specialTokens: { eos_token: '</s>' },
    idOf: (token: string) => (token === '</s>' ? 9 : undefined),
  };
  const write = (name: string, content: unknown): void =>
    writeFileSync(join(folder, name), JSON.stringify(content));

  it('tells which tokens end a text; else config.json, else the tokenizer does', async () => {
    expect((await readGenerationConfig(folder, tokenizer)).endTokens).toEqual([9]);
    write('config.json', { eos_token_id: 5 });
    expect((await readGenerationConfig(folder, tokenizer)).endTokens).toEqual([5]);
    write('generation_config.json', { eos_token_id: [7, 8, 7] });
    expect((await readGenerationConfig(folder, tokenizer)).endTokens).toEqual([7, 8]);
  });

  it('tells how to sample, with the defaults of transformers', async () => {
    write('generation_config.json', { temperature: 0.5 });
    expect((await readGenerationConfig(folder, tokenizer)).sampling).toEqual(greedy);
    write('generation_config.json', { do_sample: true, temperature: 0.5, repetition_penalty: 1.1 });
    expect((await readGenerationConfig(folder, tokenizer)).sampling).toEqual({
      temperature: 0.5,
      topK: 50,
      topP: 1,
      repetitionPenalty: 1.1,
    });
  });

  it('that is broken names the file and the key', async () => {
    write('generation_config.json', { top_p: 'much' });
    await expect(readGenerationConfig(folder, tokenizer)).rejects.toThrow(
      /generation_config\.json: top_p: /,
    );
  });
});

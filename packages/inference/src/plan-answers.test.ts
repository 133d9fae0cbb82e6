import { samplesIn, shapeKey, type Shard } from '@microtune/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAnswerPlanner } from './plan-answers.js';

/** About as many tokens as SST-2's sentences have: 23 on average, 4 to 67. */
const sentences = (count: number, from = 0): Int32Array =>
  Int32Array.from(
    { length: count },
    (_, at) => 4 + (((at + from) * 7919) % 39) + ((at * 31) % 3 ? 0 : 8),
  );

const cellsOf = (shards: readonly Shard[]): number =>
  shards.reduce((sum, { shape }) => sum + shape.rows * shape.tokens, 0);
const sum = (lengths: Int32Array): number => lengths.reduce((all, length) => all + length, 0);

describe('createAnswerPlanner', () => {
  it('has each text once, in a row with room for it, whatever the lengths', () => {
    const lengths = fc.array(fc.integer({ min: 2, max: 128 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(lengths, (some) => {
        const shards = createAnswerPlanner(128)(Int32Array.from(some));
        expect(shards.flatMap(samplesIn).sort((a, b) => a - b)).toEqual([...some.keys()]);
        for (const { rows, shape } of shards) {
          expect(rows.length).toBeLessThanOrEqual(shape.rows);
          for (const row of rows) {
            expect(row.length).toBeLessThanOrEqual(shape.samplesPerRow);
            const tokens = row.reduce((all, sample) => all + (some[sample] ?? 0), 0);
            expect(tokens).toBeLessThanOrEqual(shape.tokens);
          }
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('pads a group of short texts by less than 8 %, with two shapes for all groups', () => {
    const plan = createAnswerPlanner(128);
    const groups = [0, 1, 2].map((group) => sentences(2048, 2048 * group));
    const shards = groups.map((lengths) => plan(lengths));
    for (const [at, lengths] of groups.entries())
      expect(cellsOf(shards[at] ?? []) / sum(lengths)).toBeLessThan(1.08);
    expect(new Set(shards.flat().map(({ shape }) => shapeKey(shape))).size).toBeLessThanOrEqual(2);
  });

  it('answers a lone text, or a few short ones, with one short row', () => {
    const plan = createAnswerPlanner(512);
    expect(plan(Int32Array.of(7)).map(({ shape }) => [shape.rows, shape.tokens])).toEqual([
      [1, 16],
    ]);
    expect(plan(Int32Array.of(7, 20, 9)).map(({ rows }) => rows)).toEqual([[[0, 1, 2]]]);
    expect(plan(Int32Array.of(300)).map(({ shape }) => shape.tokens)).toEqual([512]);
    expect(plan(new Int32Array(0))).toEqual([]);
  });

  it('keeps its packing while lengths are about the same, and changes it when they are not', () => {
    const plan = createAnswerPlanner(512);
    const rowTokens = (lengths: Int32Array) => plan(lengths)[0]?.shape.tokens;
    expect(rowTokens(new Int32Array(500).fill(24))).toBe(64);
    expect(rowTokens(new Int32Array(500).fill(30))).toBe(64);
    expect(rowTokens(new Int32Array(500).fill(120))).toBe(512);
  });
});

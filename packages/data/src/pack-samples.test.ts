import { packRows } from './pack-rows.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packSamples, paddedShare } from './pack-samples.js';

const someLengths = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 60 });

describe('packing', () => {
  it('keeps every sample once, fills no row beyond its length, and is a function of its arguments alone', () => {
    fc.assert(
      fc.property(someLengths, fc.integer({ min: 20, max: 64 }), (made, rowTokens) => {
        const lengths = Int32Array.from(made);
        const order = [...lengths.keys()].reverse();
        const rows = packSamples(lengths, { rowTokens, order });
        expect(rows.flatMap(({ samples }) => samples).toSorted((a, b) => a - b)).toEqual([
          ...made.keys(),
        ]);
        for (const { samples, tokens } of rows) {
          expect(tokens).toBe(samples.reduce((sum, sample) => sum + (lengths[sample] ?? 0), 0));
          expect(tokens).toBeLessThanOrEqual(rowTokens);
        }
        expect(packSamples(lengths.slice(), { rowTokens, order: [...order] })).toEqual(rows);
      }),
    );
  });

  it('fills gaps that best fit leaves, where samples take about two fifths of a row', () => {
    const lengths = Int32Array.from(
      { length: 1000 },
      (_, at) => 96 + Math.floor(((at * 37) % 181) ** 2 / 110),
    );
    const order = [...lengths.keys()];
    const falling = order.toSorted((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0));
    const fitted = packRows(falling, lengths, { rowTokens: 512, samplesPerRow: 512 });
    const rows = packSamples(lengths, { rowTokens: 512, order });
    expect(paddedShare(fitted, 512)).toBeGreaterThan(0.02);
    expect(paddedShare(rows, 512)).toBeLessThan(0.005);
  });

  it('keeps to the samples a row may have', () => {
    const lengths = Int32Array.of(5, 1, 1, 1, 1, 1);
    const order = [...lengths.keys()];
    for (const { samples } of packSamples(lengths, { rowTokens: 10, order, samplesPerRow: 2 }))
      expect(samples.length).toBeLessThanOrEqual(2);
  });

  it('puts samples of equal length together in the order of the epoch', () => {
    const lengths = Int32Array.of(2, 2, 2, 2);
    const rowsOf = (order: readonly number[]) =>
      packSamples(lengths, { rowTokens: 4, order }).map(({ samples }) => samples);
    expect(rowsOf([0, 1, 2, 3])).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(rowsOf([3, 1, 0, 2])).toEqual([
      [3, 1],
      [0, 2],
    ]);
  });

  it('tells what part is padding', () => {
    const rows = packSamples(Int32Array.of(3, 3, 1), { rowTokens: 4, order: [0, 1, 2] });
    expect(paddedShare(rows, 4)).toBeCloseTo(1 / 8, 12);
    expect(paddedShare([], 4)).toBe(0);
  });
});

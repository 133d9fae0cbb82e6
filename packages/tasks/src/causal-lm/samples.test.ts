import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { getBit } from './bits.js';
import { boundsOf, samplesOfRows, selectSamples, type CausalSamples } from './samples.js';
import { samplesOf, type Made } from './testing/samples-of.js';

const token = fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.boolean());
const anySamples = fc.array(fc.array(token, { minLength: 1, maxLength: 20 }), {
  minLength: 1,
  maxLength: 30,
});

describe('columns of samples', () => {
  it('hold what was collected, and a choice of it holds the chosen', () => {
    fc.assert(
      fc.property(anySamples, fc.array(fc.nat()), (made, picks) => {
        const samples = samplesOf(made);
        const chosen = Int32Array.from(picks, (pick) => pick % made.length);
        const read = (columns: CausalSamples) =>
          Array.from({ length: columns.size }, (_, sample): Made => {
            const [from, to] = boundsOf(columns, sample);
            return Array.from(columns.ids.subarray(from, to), (id, at) => [
              id,
              getBit(columns.learned, from + at),
            ]);
          });
        expect(read(samples)).toEqual(made);
        const part = selectSamples(samples, chosen);
        expect(read(part)).toEqual([...chosen].map((sample) => made[sample]));
        expect([...part.rows]).toEqual([...chosen]);
        expect(part.targets).toEqual(chosen.map((sample) => samples.targets[sample] ?? 0));
        expect(part.lengths).toEqual(chosen.map((sample) => samples.lengths[sample] ?? 0));
      }),
    );
  });

  it('of some rows: a row can have several samples, or none', () => {
    const rows = Int32Array.of(0, 0, 2, 5);
    expect([...samplesOfRows({ rows }, Int32Array.of(0, 1, 5))]).toEqual([0, 1, 3]);
    expect([...samplesOfRows({ rows }, Int32Array.of(1, 3))]).toEqual([]);
  });
});

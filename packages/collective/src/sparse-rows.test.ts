import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addRows, type SparseRows } from './sparse-rows.js';

const width = 3;
const table = fc.uniqueArray(fc.nat(30), { maxLength: 12 }).chain((ids) =>
  fc
    .array(fc.float({ noNaN: true, min: -8, max: 8 }), {
      minLength: ids.length * width,
      maxLength: ids.length * width,
    })
    .map((values): SparseRows => ({
      ids: Int32Array.from(ids).sort(),
      values: Float32Array.from(values),
    })),
);

function dense({ ids, values }: SparseRows): Float32Array {
  const all = new Float32Array(31 * width);
  ids.forEach((id, row) => all.set(values.subarray(row * width, (row + 1) * width), id * width));
  return all;
}

/** A row only one side has keeps its -0, which dense addition of 0 would turn to 0. */
const withoutSign = (value: number): number => (value === 0 ? 0 : value);

describe('sparse rows', () => {
  it('add as the dense tables they stand for', () => {
    fc.assert(
      fc.property(table, table, (left, right) => {
        const sum = addRows(left, right, width);
        const expected = dense(left).map((value, i) => value + (dense(right)[i] ?? NaN));
        expect(dense(sum).map(withoutSign)).toEqual(expected.map(withoutSign));
        expect([...sum.ids]).toEqual(
          [...new Set([...left.ids, ...right.ids])].sort((a, b) => a - b),
        );
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gatherRows, sumRowsById } from './rows.js';

const batch = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.array(fc.nat(9), { maxLength: 20 }))
  .chain(([width, ids]) =>
    fc.record({
      width: fc.constant(width),
      ids: fc.constant(Int32Array.from(ids)),
      values: fc
        .array(fc.float({ noNaN: true, min: -100, max: 100 }), {
          minLength: ids.length * width,
          maxLength: ids.length * width,
        })
        .map((values) => Float32Array.from(values)),
    }),
  );

describe('rows', () => {
  it('are gathered by id', () => {
    const table = Float32Array.from([0, 1, 10, 11, 20, 21]);
    const destination = new Float32Array(6);
    gatherRows(destination, { table, ids: Int32Array.from([2, 0, 2]), width: 2 });
    expect([...destination]).toEqual([20, 21, 0, 1, 20, 21]);
  });

  it('outside the table are refused', () => {
    const table = new Float32Array(6);
    for (const id of [-1, 3]) {
      const rows = { table, ids: Int32Array.from([0, id]), width: 2 };
      expect(() => gatherRows(new Float32Array(4), rows)).toThrow(
        `id ${id} at position 1 of a table of 3 rows`,
      );
    }
  });

  it('are summed by id in the order of positions', () => {
    fc.assert(
      fc.property(batch, ({ width, ids, values }) => {
        const sums = sumRowsById(values, ids, width);
        expect([...sums.ids]).toEqual([...new Set(ids)].sort((a, b) => a - b));
        sums.ids.forEach((id, row) => {
          const positions = [...ids.keys()].filter((position) => ids[position] === id);
          for (let column = 0; column < width; column++) {
            const expected = positions
              .map((position) => values[position * width + column] ?? NaN)
              .reduce((left, right) => Math.fround(left + right));
            expect(sums.values[row * width + column]).toBe(expected);
          }
        });
      }),
    );
  });
});

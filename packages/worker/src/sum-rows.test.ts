import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sumRowsById } from './sum-rows.js';

describe('sumRowsById', () => {
  it('gives each id once, ascending, with the sum of its positions', () => {
    const rows = sumRowsById(Int32Array.of(7, 0, 7), Float32Array.of(1, 2, 10, 20, 100, 200), 2);
    expect([...rows.ids]).toEqual([0, 7]);
    expect([...rows.values]).toEqual([10, 20, 101, 202]);
  });

  it('keeps the total of every column', () => {
    const positions = fc.array(fc.tuple(fc.nat(9), fc.integer({ min: -99, max: 99 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(positions, (list) => {
        const ids = Int32Array.from(list, ([id]) => id);
        const rows = sumRowsById(
          ids,
          Float32Array.from(list, ([, value]) => value),
          1,
        );
        const total = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
        expect(total(rows.values)).toBe(total(list.map(([, value]) => value)));
        expect(new Set(rows.ids).size).toBe(rows.ids.length);
      }),
    );
  });
});

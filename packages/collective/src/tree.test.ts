import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TreeFold } from './tree-fold.js';
import { canonical, endShard, firstShard, nodesOfRange, rootLevel, type TreeNode } from './tree.js';

const text = ({ level, index }: TreeNode): string => `(${level},${index})`;

/** Cuts [0, shards) into contiguous ranges, some of them empty. */
const partition = fc
  .tuple(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(1000), { maxLength: 5 }))
  .map(([shards, cuts]) => {
    const bounds = [0, ...cuts.map((cut) => cut % (shards + 1)).sort((a, b) => a - b), shards];
    const ranges = bounds.slice(1).map((to, i) => ({ from: bounds[i] ?? 0, to }));
    return { shards, ranges };
  });

/** The sum by its definition: recursion over the tree. */
function sumOf(values: readonly number[], level: number, index: number): number {
  const from = index * 2 ** level;
  if (level === 0) return values[from] ?? NaN;
  const left = sumOf(values, level - 1, 2 * index);
  const hasRight = (2 * index + 1) * 2 ** (level - 1) < values.length;
  return hasRight ? Math.fround(left + sumOf(values, level - 1, 2 * index + 1)) : left;
}

const add = (left: number, right: number): number => Math.fround(left + right);

describe('tree', () => {
  it('names the maximal nodes of a range', () => {
    const names = (from: number, to: number, shards: number): string =>
      nodesOfRange(from, to, shards).map(text).join(' ');
    expect(names(0, 8, 8)).toBe('(3,0)');
    expect(names(1, 8, 8)).toBe('(0,1) (1,1) (2,1)');
    expect(names(0, 3, 8)).toBe('(1,0) (0,2)');
    expect(names(4, 5, 5)).toBe('(2,1)');
    expect(names(3, 7, 7)).toBe('(0,3) (2,1)');
    expect(names(2, 2, 7)).toBe('');
    expect(names(0, 1, 1)).toBe('(0,0)');
  });

  it('covers a range without gap or overlap', () => {
    fc.assert(
      fc.property(partition, ({ shards, ranges }) => {
        for (const { from, to } of ranges) {
          let next = from;
          for (const node of nodesOfRange(from, to, shards)) {
            expect(firstShard(node)).toBe(next);
            expect(canonical(node, shards)).toEqual(node);
            next = endShard(node, shards);
          }
          expect(next).toBe(to);
        }
      }),
    );
  });

  it('gives the same bits for any contiguous partition', () => {
    fc.assert(
      fc.property(
        partition,
        fc.infiniteStream(fc.float({ noNaN: true, min: -1e6, max: 1e6 })),
        (cut, numbers) => {
          const values = Array.from({ length: cut.shards }, () => numbers.next().value as number);
          const whole = new TreeFold<number>(cut.shards, add);
          for (const { from, to } of cut.ranges) {
            const own = new TreeFold<number>(Infinity, add);
            for (let shard = from; shard < to; shard++) {
              own.push({ level: 0, index: shard }, values[shard] ?? NaN);
            }
            for (const { node, value } of own.entries) whole.push(node, value);
          }
          expect(whole.entries).toHaveLength(1);
          expect(whole.entries[0]?.value).toBe(sumOf(values, rootLevel(cut.shards), 0));
        },
      ),
    );
  });

  it('refuses a gap between shards', () => {
    const fold = new TreeFold<number>(4, add);
    fold.push({ level: 0, index: 0 }, 1);
    expect(() => fold.push({ level: 0, index: 2 }, 1)).toThrow(/does not follow/);
  });
});

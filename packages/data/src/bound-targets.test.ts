import { samplesIn, type Shard, type ShardShape } from '@microtune/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundTargets } from './bound-targets.js';

const shape: ShardShape = { rows: 2, tokens: 64, samplesPerRow: 2 };
const shard = (...rows: number[][]): Shard => ({ shape, rows });

describe('boundTargets', () => {
  it('gives a shape room for the most that a shard looked at counts, rounded up', () => {
    const targets = Int32Array.of(20, 30, 5, 40);
    const looked = [shard([0], [1]), shard([2], [3])];
    const { shapes, bounded } = boundTargets([shape], looked, targets);
    expect(shapes).toEqual([{ ...shape, targetTokens: 64 }]);
    expect(bounded(shard([2], [0]))).toEqual({
      shape: { ...shape, targetTokens: 64 },
      rows: [[2], [0]],
    });
  });

  it('gives a shard that counts more a place a token, and a shape nobody looked at, too', () => {
    const targets = Int32Array.of(20, 30, 64, 64);
    const { bounded } = boundTargets([shape], [shard([0], [1])], targets);
    expect(bounded(shard([2], [3])).shape.targetTokens).toBe(128);
    const other = { ...shape, rows: 4 };
    expect(boundTargets([other], [shard([0])], targets).shapes[0]?.targetTokens).toBe(256);
  });

  it('always has room for what a shard counts, and never more than its tokens', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 64 }), { minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(sizes, fc.nat({ max: 8 }), (made, looked) => {
        const targets = Int32Array.from(made);
        const shards = made.slice(1).map((_, at) => shard([at], [at + 1]));
        const { bounded } = boundTargets([shape], shards.slice(0, looked), targets);
        for (const each of shards) {
          const { shape: own, rows } = bounded(each);
          const counted = samplesIn(each).reduce((sum, sample) => sum + (targets[sample] ?? 0), 0);
          expect(rows).toEqual(each.rows);
          expect(own.targetTokens).toBeGreaterThanOrEqual(Math.min(128, counted));
          expect(own.targetTokens).toBeLessThanOrEqual(128);
        }
      }),
    );
  });
});

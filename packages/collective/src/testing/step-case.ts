/** Made-up gradients with the same values wherever a shard is computed, for tests and benchmarks of the all-reduce. */
import type { SparseRows } from '../sparse-rows.js';
import type { ShardLoss } from '../all-reduce.js';

/** A number in [-1, 1) of any sequence position: splitmix-like mixing, so sums of float32 round at every addition. */
function noise(seed: number): number {
  let x = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1;
}

export function fillGradient(target: Float32Array, step: number, shard: number): void {
  for (let i = 0; i < target.length; i++) target[i] = noise(i * 131 + shard * 7919 + step * 104729);
}

/** Sparse gradients of one shard: some rows shared with other shards, some not. */
export function sparseGradients(
  widths: readonly number[],
  step: number,
  shard: number,
): SparseRows[] {
  return widths.map((width, table) => {
    const ids = Int32Array.from([table, 3 + shard, 5 + 2 * shard, 40 + (shard % 3)]);
    const values = new Float32Array(ids.length * width);
    fillGradient(values, step + 17 * table, shard + 1000);
    return {
      ids: Int32Array.from(new Set(ids)).sort(),
      values: values.slice(0, new Set(ids).size * width),
    };
  });
}

export function lossOf(step: number, shard: number): ShardLoss {
  return { shard, lossSum: noise(shard * 31 + step), weight: shard + 1 };
}

/** Shards [from, to) of a rank when all ranks get about the same number. */
export function evenRange(
  rank: number,
  worldSize: number,
  shards: number,
): { from: number; to: number } {
  const bound = (r: number): number => Math.floor((r * shards) / worldSize);
  return { from: bound(rank), to: bound(rank + 1) };
}

/**
 * Cutting rows into shards: sorted by length, longest first, each shard takes the next rows and pads them to one of the
 * run's shapes. Which shapes in which order is a shortest path: `cost[i]` is the least cost of the rows from i on, and a
 * shape that fits row i fits all rows after it, so it may as well take as many as it has room for.
 */
import { assert } from '@microtune/shared';
import type { Shard, ShardShape } from '@microtune/shared';

/**
 * Cost of running one shard besides its tokens, in tokens' worth of time: the call, the weights' conversion, the addition of
 * its gradient. Measured between 40 and 60 (docs/decisions/0003-shard-shapes.md).
 */
export const shardOverheadTokens = 50;

/** Tokens per row at which attention's share doubles the cost of a token: 6 times the width of a 384-wide model. */
const attentionTokens = 2304;

/** Estimated cost of one run of a shape, in tokens' worth of time. */
export function shapeCost({ rows, tokens }: ShardShape): number {
  return shardOverheadTokens + rows * tokens * (1 + tokens / attentionTokens);
}

/**
 * @param lengths tokens per row, descending
 * @returns for every row, the index of the shape of a shard that would start there; -1 where none fits
 */
function cheapestCut(lengths: Int32Array, shapes: readonly ShardShape[]): Int32Array {
  const count = lengths.length;
  const candidates = shapes.map((shape, index) => ({ ...shape, index, cost: shapeCost(shape) }));
  const cost = new Float64Array(count + 1);
  const choice = new Int32Array(count).fill(-1);
  for (let row = count - 1; row >= 0; row--) {
    let best = Infinity;
    for (const shape of candidates) {
      if (shape.tokens < (lengths[row] ?? 0)) continue;
      const total = shape.cost + (cost[Math.min(count, row + shape.rows)] ?? 0);
      if (total < best) {
        best = total;
        choice[row] = shape.index;
      }
    }
    cost[row] = best;
  }
  return choice;
}

/**
 * Cuts the rows of one global batch (or of a whole split) into shards. A pure function of its arguments; rows of equal
 * length keep the order in which they were given.
 * @param samples indices into `lengths`
 * @param lengths tokens of every sample of the data set
 * @throws MicrotuneError `internal` when a row is longer than every shape
 */
export function cutShards(request: {
  readonly samples: ArrayLike<number>;
  readonly lengths: Int32Array;
  readonly shapes: readonly ShardShape[];
}): Shard[] {
  const { lengths, shapes } = request;
  const lengthOf = (sample: number): number => lengths[sample] ?? 0;
  const sorted = Array.from(request.samples).sort((a, b) => lengthOf(b) - lengthOf(a));
  const sortedLengths = Int32Array.from(sorted, lengthOf);
  const choice = cheapestCut(sortedLengths, shapes);
  const shards: Shard[] = [];
  for (let row = 0; row < sorted.length;) {
    const shape = shapes[choice[row] ?? -1];
    assert(shape, `a row of ${sortedLengths[row]} tokens fits no shape`);
    shards.push({ shape, samples: sorted.slice(row, row + shape.rows) });
    row += shape.rows;
  }
  return shards;
}

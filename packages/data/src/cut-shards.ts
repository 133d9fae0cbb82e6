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

/** How a sorted batch is cut: the shape of each shard in order, as indices into the shapes. */
export interface Cut {
  readonly cost: number;
  /** For every row, the shape of a shard that would start there. */
  readonly choice: Int32Array;
}

/**
 * @param lengths tokens per row, descending
 * @param rows, tokens, costs the shapes, as parallel arrays; the first of equally cheap ones wins
 * @returns cost Infinity when some row fits no shape
 */
export function cheapestCut(
  lengths: Int32Array,
  shapes: { readonly rows: Int32Array; readonly tokens: Int32Array; readonly costs: Float64Array },
): Cut {
  const count = lengths.length;
  const cost = new Float64Array(count + 1);
  const choice = new Int32Array(count);
  for (let row = count - 1; row >= 0; row--) {
    let best = Infinity;
    for (let s = 0; s < shapes.rows.length; s++) {
      if (shapes.tokens[s]! < lengths[row]!) continue;
      const total = shapes.costs[s]! + cost[Math.min(count, row + shapes.rows[s]!)]!;
      if (total < best) {
        best = total;
        choice[row] = s;
      }
    }
    cost[row] = best;
  }
  return { cost: cost[0]!, choice };
}

/** Shapes as the parallel arrays `cheapestCut` reads. */
export function shapeTable(shapes: readonly ShardShape[]): {
  rows: Int32Array;
  tokens: Int32Array;
  costs: Float64Array;
} {
  return {
    rows: Int32Array.from(shapes, (shape) => shape.rows),
    tokens: Int32Array.from(shapes, (shape) => shape.tokens),
    costs: Float64Array.from(shapes, shapeCost),
  };
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
  const sorted = Array.from(request.samples).sort((a, b) => lengths[b]! - lengths[a]!);
  const sortedLengths = Int32Array.from(sorted, (sample) => lengths[sample]!);
  const { cost, choice } = cheapestCut(sortedLengths, shapeTable(shapes));
  assert(cost < Infinity, `a row of ${sortedLengths[0]} tokens fits no shape`);
  const shards: Shard[] = [];
  for (let row = 0; row < sorted.length; ) {
    const shape = shapes[choice[row]!]!;
    shards.push({ shape, samples: sorted.slice(row, row + shape.rows) });
    row += shape.rows;
  }
  return shards;
}

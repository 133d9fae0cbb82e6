/**
 * Cutting rows into shards: samples packed into rows, rows sorted by length, longest first; each shard takes the next rows
 * and pads them to one of the run's shapes. A shape that fits a row fits all rows after it, so which shapes in which order is a shortest path.
 *
 * The cheapest path alone would often leave two workers uneven halves. So it is made of two: one over the first rows, one
 * over the rest, and where they meet is chosen for little total cost, for halves of equal cost, and for halves that end
 * where the tree of sums does. Halves, because the tree is binary: nothing here knows how many workers there are.
 */
import { assert } from '@microtune/shared';
import { packRows } from './pack-rows.js';
import type { Shard, ShardShape } from '@microtune/shared';
import type { Packing } from './pack-rows.js';

/**
 * Cost of running one shard besides its tokens, in tokens' worth of time: the call, the weights' conversion, the addition of
 * its gradient. Measured between 40 and 60 (docs/decisions/0003-shard-shapes.md).
 */
export const shardOverheadTokens = 50;

/** Tokens per row at which attention's share doubles the cost of a token: 6 times the width of a 384-wide model. */
const attentionTokens = 2304;

/** What a token's worth of difference between the halves is worth: half a token with two workers, nothing with one. */
const imbalanceWeight = 0.4;
/** Sending one more partial sum, in tokens' worth of time. */
const partialSumTokens = 60;

/** The head and the last layer's work on a sample's first token, of six layers: a sixth of a token, less its keys and values. */
const sampleTokens = 0.15;

/** Estimated cost of one run of a shape, in tokens' worth of time. */
export function shapeCost({ rows, tokens, samplesPerRow }: ShardShape): number {
  const rowTokens = tokens * (1 + tokens / attentionTokens) + samplesPerRow * sampleTokens;
  return shardOverheadTokens + rows * rowTokens;
}

export interface CostedShape extends ShardShape {
  /** `shapeCost`, at hand. */
  readonly cost: number;
}

/** Shortest paths over the rows before and after each place of a batch; made once, for batches up to a number of rows. */
export class CutTable {
  readonly #shapes = shapeColumns();
  /** By place: the cheapest shards over the rows before it, and the last of them. */
  readonly #before: Paths;
  /** By place: the cheapest shards over the rows from it on, and the first of them. */
  readonly #after: Paths;
  /** Where the two halves of the last batch meet. */
  #middle = 0;

  constructor(maxRows: number) {
    this.#before = pathsOver(maxRows + 1);
    this.#after = pathsOver(maxRows + 1);
  }

  /**
   * Finds the best cut of a batch.
   * @param lengths tokens per row, descending
   * @param shapes at most 64
   * @returns what it costs, imbalance and partial sums included; Infinity when a row fits no shape
   */
  cut(lengths: Int32Array, shapes: readonly CostedShape[]): number {
    const [before, after] = [this.#before, this.#after];
    fillColumns(this.#shapes, lengths, shapes);
    fillAfter(after, this.#shapes, lengths.length);
    fillBefore(before, this.#shapes, lengths.length);
    let best = Infinity;
    for (let place = 0; place < lengths.length; place++) {
      const left = before.cost[place] ?? 0;
      const right = after.cost[place] ?? 0;
      const uneven = left + right + imbalanceWeight * Math.abs(left - right);
      if (uneven >= best) continue;
      const sums = partialSums(before.shards[place] ?? 0, after.shards[place] ?? 0);
      const cost = uneven + imbalanceWeight * partialSumTokens * Math.max(0, sums - 2);
      if (cost >= best) continue;
      best = cost;
      this.#middle = place;
    }
    return best;
  }

  /** Start, end and shape (index) of every shard of the batch cut last. @param count its rows */
  shards(count: number): { start: number; end: number; shape: number }[] {
    const shards: { start: number; end: number; shape: number }[] = [];
    for (let end = this.#middle; end > 0;) {
      const shape = this.#before.shape[end] ?? -1;
      const start = startBefore(this.#shapes, shape, end);
      shards.unshift({ start, end, shape });
      end = start;
    }
    for (let start = this.#middle; start < count;) {
      const shape = this.#after.shape[start] ?? -1;
      const end = Math.min(count, start + (this.#shapes.rows[shape] ?? count));
      shards.push({ start, end, shape });
      start = end;
    }
    return shards;
  }
}

interface Paths {
  readonly cost: Float64Array;
  readonly shards: Int32Array;
  /** Index of the shape of the first or last shard. */
  readonly shape: Int8Array;
}

function pathsOver(places: number): Paths {
  return {
    cost: new Float64Array(places),
    shards: new Int32Array(places),
    shape: new Int8Array(places),
  };
}

/** The shapes as columns, which the inner loops read several times as fast as objects. */
interface ShapeColumns {
  count: number;
  readonly rows: Int32Array;
  readonly cost: Float64Array;
  /** First row short enough for the shape. */
  readonly first: Int32Array;
}

const maxShapes = 64;

function shapeColumns(): ShapeColumns {
  return {
    count: 0,
    rows: new Int32Array(maxShapes),
    cost: new Float64Array(maxShapes),
    first: new Int32Array(maxShapes),
  };
}

function fillColumns(
  columns: ShapeColumns,
  lengths: Int32Array,
  shapes: readonly CostedShape[],
): void {
  assert(shapes.length <= maxShapes, `${shapes.length} shapes, at most ${maxShapes}`);
  columns.count = shapes.length;
  for (let index = 0; index < shapes.length; index++) {
    const shape = shapes[index];
    if (shape === undefined) continue;
    columns.rows[index] = shape.rows;
    columns.cost[index] = shape.cost;
    let [low, high] = [0, lengths.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((lengths[middle] ?? 0) > shape.tokens) low = middle + 1;
      else high = middle;
    }
    columns.first[index] = low;
  }
}

/** From the end to the start: a shard that starts at a row takes as many as it has room for. */
function fillAfter(paths: Paths, shapes: ShapeColumns, count: number): void {
  const { cost, shards, shape } = paths;
  cost[count] = 0;
  shards[count] = 0;
  for (let row = count - 1; row >= 0; row--) {
    let [best, chosen, next] = [Infinity, -1, count];
    for (let index = 0; index < shapes.count; index++) {
      if ((shapes.first[index] ?? count) > row) continue;
      const room = row + (shapes.rows[index] ?? 0);
      const end = room < count ? room : count;
      const total = (shapes.cost[index] ?? 0) + (cost[end] ?? 0);
      if (total < best) [best, chosen, next] = [total, index, end];
    }
    cost[row] = best;
    shape[row] = chosen;
    shards[row] = 1 + (shards[next] ?? 0);
  }
}

/** From the start to the end: a shard that ends before a place begins as early as rows are short enough for it. */
function fillBefore(paths: Paths, shapes: ShapeColumns, count: number): void {
  const { cost, shards, shape } = paths;
  cost[0] = 0;
  shards[0] = 0;
  for (let place = 1; place <= count; place++) {
    let [best, chosen, next] = [Infinity, -1, 0];
    for (let index = 0; index < shapes.count; index++) {
      if ((shapes.first[index] ?? count) >= place) continue;
      const start = startBefore(shapes, index, place);
      const total = (shapes.cost[index] ?? 0) + (cost[start] ?? 0);
      if (total < best) [best, chosen, next] = [total, index, start];
    }
    cost[place] = best;
    shape[place] = chosen;
    shards[place] = 1 + (shards[next] ?? 0);
  }
}

function startBefore({ rows, first }: ShapeColumns, shape: number, end: number): number {
  const start = end - (rows[shape] ?? 0);
  const earliest = first[shape] ?? 0;
  return start > earliest ? start : earliest;
}

/** Nodes of the tree of sums that two workers hold, one with the first `left` shards, one with the rest. */
function partialSums(left: number, right: number): number {
  let count = 0;
  for (let rest = left; rest > 0; rest &= rest - 1) count++;
  for (let shard = left; shard < left + right; shard += shard === 0 ? right : shard & -shard)
    count++;
  return count;
}

/**
 * Cuts the samples of one global batch (or of a whole split) into shards. A pure function of its arguments; samples of
 * equal length keep the order in which they were given.
 * @param samples indices into `lengths`
 * @param lengths tokens of every sample of the data set
 * @param shapes with at least the `samplesPerRow` of the packing
 * @throws MicrotuneError `internal` when a row is longer than every shape
 */
export function cutShards(request: {
  readonly samples: ArrayLike<number>;
  readonly lengths: Int32Array;
  readonly shapes: readonly ShardShape[];
  readonly packing: Packing;
}): Shard[] {
  const { lengths, shapes, packing } = request;
  const lengthOf = (sample: number): number => lengths[sample] ?? 0;
  const sorted = Array.from(request.samples).sort((a, b) => lengthOf(b) - lengthOf(a));
  const rows = packRows(sorted, lengths, packing);
  if (rows.length === 0) return [];
  const table = new CutTable(rows.length);
  const costed = shapes.map((shape) => ({ ...shape, cost: shapeCost(shape) }));
  const rowLengths = Int32Array.from(rows, ({ tokens }) => tokens);
  const cost = table.cut(rowLengths, costed);
  assert(Number.isFinite(cost), `a row of ${rowLengths[0]} tokens fits no shape`);
  return table.shards(rows.length).map(({ start, end, shape: index }) => {
    const shape = shapes[index];
    assert(shape, 'a shape of the run');
    return { shape, rows: rows.slice(start, end).map(({ samples }) => [...samples]) };
  });
}

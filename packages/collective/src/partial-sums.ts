/**
 * A worker's sums over its own shards, built while it computes: shards come in order, siblings of the tree are added as
 * soon as both are there. What is left at the end are the maximal nodes inside the worker's range.
 */
import type { Arena, Slot } from '@microtune/arena';
import { assert, type ShardRange } from '@microtune/shared';
import type { PartialSum } from './all-reduce.js';
import type { SlotPool } from './slot-pool.js';
import { addRows, type SparseRows } from './sparse-rows.js';
import { TreeFold } from './tree-fold.js';

interface Gradient {
  readonly dense: Slot;
  readonly rows: readonly SparseRows[];
}

export interface PartialSums {
  /** Where the next shard's dense gradient goes. The same slot until `push`; its old contents are arbitrary. */
  slot(): Slot;
  /**
   * Takes the gradient in `slot()` as that of a shard. Shards of a step come in ascending order without a gap.
   * `rows` (by table) are kept until `clear`.
   */
  push(shard: number, rows: readonly SparseRows[]): void;
  /** The sums so far, in shard order: what `reduce` wants once all of this worker's shards are in. */
  sums(): readonly PartialSum[];
  /** Forgets the step; its slots serve the next one. To be called when the reduced gradient has been applied. */
  clear(): void;
}

export interface PartialSumsOptions {
  readonly arena: Arena;
  readonly pool: SlotPool;
  /** Row widths of the sparse tables, in the order of the run. */
  readonly widths: readonly number[];
}

export function createPartialSums({ arena, pool, widths }: PartialSumsOptions): PartialSums {
  let next: Slot | undefined;
  const add = (left: Gradient, right: Gradient): Gradient => {
    arena.add(left.dense, right.dense);
    pool.giveBack(right.dense);
    return { dense: left.dense, rows: addTables(left.rows, right.rows, widths) };
  };
  let fold = new TreeFold(Infinity, add);
  return {
    slot: () => (next ??= pool.take()),
    push(shard, rows) {
      assert(next, 'push without a gradient: write into slot() first');
      assert(
        rows.length === widths.length,
        `${rows.length} sparse gradients, not ${widths.length}`,
      );
      fold.push({ level: 0, index: shard }, { dense: next, rows });
      next = undefined;
    },
    sums: () => fold.entries.map(({ node, value }) => ({ node, ...value })),
    clear() {
      for (const { value } of fold.entries) pool.giveBack(value.dense);
      fold = new TreeFold(Infinity, add);
    },
  };
}

/** Table by table. */
export function addTables(
  left: readonly SparseRows[],
  right: readonly SparseRows[],
  widths: readonly number[],
): SparseRows[] {
  return widths.map((width, table) => {
    const [a, b] = [left[table], right[table]];
    assert(a && b, `no sparse gradient of table ${table}`);
    return addRows(a, b, width);
  });
}

/**
 * The most gradients that a worker holds at once while it computes these shards: sums that wait for their siblings, and
 * the one being computed. At most about twice the logarithm of the number of shards.
 */
export function sumsHeld({ from, to }: ShardRange): number {
  const fold = new TreeFold<undefined>(Infinity, () => undefined);
  let most = 0;
  for (let shard = from; shard < to; shard++) {
    most = Math.max(most, fold.entries.length + 1);
    fold.push({ level: 0, index: shard }, undefined);
  }
  return most;
}

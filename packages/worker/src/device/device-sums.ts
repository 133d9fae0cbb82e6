/**
 * A worker's sums over its own shards, added on the device in the same tree as partial sums on the host (float32 sums
 * have the same bits anywhere); gradients of table rows, which stay on the host, go along.
 */
import { addTables, TreeFold, type FoldEntry, type SparseRows } from '@microtune/collective';
import type { DeviceGradient, DeviceState } from '@microtune/engine';

export interface ShardGradient {
  readonly dense: DeviceGradient;
  /** By table. */
  readonly rows: readonly SparseRows[];
}

export class DeviceSums {
  readonly #add: (left: ShardGradient, right: ShardGradient) => ShardGradient;
  #fold: TreeFold<ShardGradient>;

  /** @param widths of the rows of each table */
  constructor(state: DeviceState, widths: readonly number[]) {
    this.#add = (left, right) => ({
      dense: state.accumulate(left.dense, right.dense),
      rows: addTables(left.rows, right.rows, widths),
    });
    this.#fold = new TreeFold(Infinity, this.#add);
  }

  /** Shards of a step come in ascending order without a gap. */
  push(shard: number, gradient: ShardGradient): void {
    this.#fold.push({ level: 0, index: shard }, gradient);
  }

  /** The sums as far as the tree of so many shards allows, in shard order; theirs who takes them. */
  take(shardCount: number): readonly FoldEntry<ShardGradient>[] {
    const whole = new TreeFold(shardCount, this.#add);
    for (const { node, value } of this.#fold.entries) whole.push(node, value);
    this.#fold = new TreeFold(Infinity, this.#add);
    return whole.entries;
  }
}

/**
 * Sum of all shards' gradients in a fixed binary tree over the shard index, so that the result has the same bits for any
 * number of workers and any placement of the shards.
 *
 * A worker whose shards are [from, to) holds the values of the maximal tree nodes (tree.ts) inside that range
 * (`PartialSums` builds them as shards finish); the collective adds those of all workers up to the root.
 */
import type { Slot } from '@microtune/arena';
import type { SparseRows } from './sparse-rows.js';
import type { TreeNode } from './tree.js';

/** What one shard, or the sum over a tree node, contributes. */
export interface PartialSum {
  readonly node: TreeNode;
  /** All dense gradients, flat. */
  readonly dense: Slot;
  /** By table, in the order of the run's tables. */
  readonly rows: readonly SparseRows[];
}

/** Loss of one shard; every worker learns those of all shards, in shard order. */
export interface ShardLoss {
  readonly shard: number;
  readonly lossSum: number;
  readonly weight: number;
}

export interface Reduced {
  /**
   * Root of the tree: the first partial sum's own slot, or one of the collective's when this worker had no shards.
   * Valid until that slot is written again: apply the update, then `PartialSums.clear`.
   */
  readonly dense: Slot;
  readonly rows: readonly SparseRows[];
  /** All shards of the step in order. */
  readonly losses: readonly ShardLoss[];
}

export interface AllReduce {
  /**
   * Takes this worker's partial sums and returns the root, the same bits on every rank. Resolves only when every rank
   * has the whole result (the commit point): then the update may be applied and all buffers reused. The partial sums'
   * slots are overwritten on the way, also when it fails.
   * @throws MicrotuneError `transient` naming rank and step when a peer is lost or sends frames of another step
   */
  reduce(
    step: number,
    shardCount: number,
    partials: readonly PartialSum[],
    losses: readonly ShardLoss[],
  ): Promise<Reduced>;
  close(): Promise<void>;
}

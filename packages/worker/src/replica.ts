/**
 * This worker's copy of what is trained, wherever it lives: parameters, moments, and the compiled graphs over them. The
 * step loop reads the same for all. Per step it calls, in this order: for each shard a training graph's `train`, then
 * `accumulate`; `reduce`; `apply`. In between steps: evaluation graphs, `snapshot` for checkpoints and hashes,
 * `restore` after the host's copy was overwritten.
 *
 * Implementations: host/ (state in the arena, fed to the engine as it lies there) and device/ (state on the engine's
 * device; a step moves the batch and a few numbers, and the gradient when there are other workers).
 */
import type { ShardLoss } from '@microtune/collective';
import type { TrainingState } from '@microtune/models';
import type { Batch, Outputs } from '@microtune/tasks';
import type { ShardGraphs } from './shard-graphs.js';

/** One compiled graph, bound to everything it reads and writes. */
export interface ShardGraph {
  /**
   * Forward and backward of one batch; the gradient waits in the replica for `accumulate`.
   * @param step decides the dropout masks
   * @returns the sum of the losses
   */
  train(batch: Batch, step: number): Promise<number>;
  /** Forward alone; outputs by name, valid until the next run. */
  evaluate(batch: Batch): Promise<Outputs>;
  dispose(): void;
}

export interface Replica {
  readonly graphs: ShardGraphs;
  /** Adds the gradient last computed to this worker's sums, as that of a shard: in ascending order, without a gap. */
  accumulate(shard: number): void;
  /**
   * Adds up the gradients of all shards of all workers. From here on every worker holds the same bits.
   * @param losses of this worker's shards
   * @returns those of all shards, in shard order
   * @throws MicrotuneError `transient` naming step and rank of a lost peer
   */
  reduce(
    step: number,
    shardCount: number,
    losses: readonly ShardLoss[],
  ): Promise<readonly ShardLoss[]>;
  /**
   * Clips the reduced gradient and updates the state with it. A norm that is not finite leaves a state that must not
   * be used any more.
   * @param update.weight of the global batch, which the gradient is divided by
   * @returns the norm of the mean gradient before clipping
   */
  apply(update: { readonly weight: number; readonly learningRate: number }): Promise<number>;
  /** The state on the host, as of the last step: for reading, until the next step. */
  snapshot(): Promise<TrainingState>;
  /** Takes the state over from where `snapshot` gave it, after it was overwritten. */
  restore(): Promise<void>;
  dispose(): void;
}

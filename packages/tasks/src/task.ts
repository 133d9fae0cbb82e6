/**
 * The host half of a task: how samples become batches, and what is made of a graph's outputs. Who calls what, when:
 *   models       reads `spec` when it builds a head; the specs of its inputs are the task's own lists (labels/…).
 *   worker       `collator` once per split, then per shard; `digest` after each evaluated shard.
 *   coordinator  `metricNames` when a run opens; `score` with the digests of all shards, in shard order.
 *   inference    all of it, in one process.
 * Implementations: one folder a task. `Data` is what the task's own reader makes of files, so nobody else looks inside.
 */
import type { Shard, TaskSpec } from '@microtune/shared';
import type { Batch, Collate } from './collator.js';
import type { InputSpec } from './input-spec.js';
import type { TokenOptions } from './token-inputs.js';

/** Values by name, e.g. `accuracy`; every evaluation has `loss`. */
export type Metrics = Readonly<Record<string, number>>;
export type MetricsWithLoss = Metrics & { readonly loss: number };

/** What a graph gave, by name. */
export type Outputs = Readonly<Record<string, Float32Array | Int32Array | Uint8Array>>;

/** Names of outputs that tasks read. */
export const outputNames = {
  /** float32 []: sum over the labels counted. */
  lossSum: 'loss_sum',
  /** float32 [rows * samplesPerRow, labels]. */
  logits: 'logits',
} as const;

/** One shard of an evaluation, and what its worker sent of it. */
export interface EvaluatedShard {
  readonly shard: Shard;
  readonly digest: Uint8Array;
}

export interface Task<Data> {
  readonly spec: TaskSpec;
  /** What `score` will give, known before any evaluation. */
  readonly metricNames: readonly string[];
  /** Batches with the inputs asked for, and with their weight. @throws MicrotuneError `internal` for an input that is not the task's */
  collator(data: Data, specs: readonly InputSpec[], options: TokenOptions): Collate;
  /** What scoring needs of an evaluated shard: small, because it goes to the coordinator. `outputs` are overwritten by the next run. */
  digest(batch: Batch, outputs: Outputs): Uint8Array<ArrayBuffer>;
  /**
   * Sums are taken in shard order, so the metrics do not depend on the workers.
   * @param evaluated every shard of the split once, in the order of its plan
   * @throws MicrotuneError `internal` for a digest that does not fit its shard
   */
  score(evaluated: readonly EvaluatedShard[], data: Data): MetricsWithLoss;
}

/**
 * A family's only way to touch a weight. The plain form (plain-ops.ts) reads the weights of the model; methods such as
 * LoRA wrap an Ops and give another.
 *
 * Letters: N tokens of a shard (rows times tokens per row), H hidden, R rows, A heads, K heads of keys, T tokens, D width
 * of a head.
 */
import type { Tensor } from '@tensorflow/tfjs-core';

export interface Heads {
  readonly query: Tensor; // [R, A, T, D]
  readonly key: Tensor; // [R, K, T, D]
  readonly value: Tensor; // [R, K, T, D]
  /** Added to the scores, [R, 1, T, T]. */
  readonly bias: Tensor;
  /** Factor of the scores. */
  readonly scale: number;
}

export interface Ops {
  /** The product of a `linear` or `conv1d` module, with its bias: [N, in] to [N, out]. */
  linear(path: string, x: Tensor): Tensor;
  /** Rows of a table: int32 [N] to [N, H]. */
  embed(path: string, ids: Tensor): Tensor;
  /** A norm over the last axis, any leading ones. */
  norm(path: string, x: Tensor): Tensor;
  /** Attention of the heads below `path`, with the dropout of its probabilities: [R, A, T, D]. */
  attend(path: string, heads: Heads): Tensor;
  /** The output of the sublayer `path` (attention, feed-forward network) before the residual is added: [N, H]. */
  sublayer(path: string, x: Tensor): Tensor;
  /** Dropout at the site `path`. */
  drop(path: string, x: Tensor): Tensor;
  /** The matrix [V, H] that makes logits of hidden states: of the module `path`, a linear one or the table it is tied to. */
  outputMatrix(path: string): Tensor;
}

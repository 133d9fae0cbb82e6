/**
 * A family's only way to touch a weight: its forward pass calls these with the paths of its modules. The plain form
 * (plain-ops.ts) reads the weights of the model; methods such as LoRA wrap an Ops and give another, knowing no family.
 *
 * Letters: N tokens of a shard (rows times tokens per row), H hidden, R rows, A heads, K heads of keys, Q and T tokens, D
 * width of a head, C kept tokens.
 */
import type { Tensor } from '@tensorflow/tfjs-core';

export interface Heads {
  readonly query: Tensor; // [R, A, Q, D]
  readonly key: Tensor; // [R, K, T, D]
  readonly value: Tensor; // [R, K, T, D]
  /** Added to the scores, [R, 1, Q, T]; where earlier tokens are kept, [R, 1, Q, T + C], theirs last. */
  readonly bias: Tensor;
  /** Factor of the scores. */
  readonly scale: number;
  /** Of the probabilities. */
  readonly dropout: { readonly site: string; readonly rate: number };
}

export interface Ops {
  /** The product of a `linear` or `conv1d` module, with its bias: [N, in] to [N, out]. */
  linear(path: string, x: Tensor): Tensor;
  /** Rows of a table: int32 [N] to [N, H]. */
  embed(path: string, ids: Tensor): Tensor;
  /**
   * Rows of a small table by a product with one-hot rows, whose gradient is a small product instead of a scatter.
   * @param count ids are below it; the table may have more rows
   */
  lookUp(path: string, ids: Tensor, count: number): Tensor;
  /** A whole table, [V, H]: the one row of a table of one. */
  table(path: string): Tensor;
  /** A norm over the last axis, any leading ones. */
  norm(path: string, x: Tensor): Tensor;
  /** Attention of the heads below `path`: [R, A, Q, D]. */
  attend(path: string, heads: Heads): Tensor;
  /** The output of the sublayer `path` (attention, feed-forward network) before the residual is added: [N, H]. */
  sublayer(path: string, x: Tensor): Tensor;
  /** Dropout in training. @param site its name, once in a pass; the first axis of x is rows, or has rows outermost */
  drop(site: string, rate: number, x: Tensor): Tensor;
  /** The matrix [V, H] that makes logits of hidden states: of the module `path`, a linear one or the table it is tied to. */
  outputMatrix(path: string): Tensor;
}

/** Tokenized texts, with or without labels: what the planner, the worker and evaluation read. */
import type { Shard, ShardShape } from '@microtune/shared';

/** What the labels mean, saved as id2label / label2id in config.json. */
export interface LabelMapping {
  readonly problemType: 'single_label_classification' | 'regression';
  /** Label names by id; empty for regression. */
  readonly labels: readonly string[];
}

export interface TokenizedTexts {
  readonly size: number;
  /** Tokens of each sample after truncation, special tokens counted. */
  readonly lengths: Int32Array;
  /** Token ids of sample i: `ids.subarray(offsets[i], offsets[i + 1])`. */
  readonly ids: Int32Array;
  readonly offsets: Int32Array;
  /** Token type (segment) of every token, 0 or 1, beside `ids`. */
  readonly typeIds: Uint8Array;
}

/** Texts with labels: a split. */
export interface TokenizedDataset extends TokenizedTexts {
  /** Class ids or regression targets; NaN-free. */
  readonly labels: Float32Array;
  /** [size]: 1 where truncation has taken tokens from a sample, else 0. */
  readonly cut: Uint8Array;
  /** Of source bytes, tokenizer and options: the key of the cache; all workers must agree on it. */
  readonly contentHash: string;
}

/** The padded tokens of one shard, ready for the graph. Buffers are reused by the next batch of the same shape. */
export interface TokenBatch {
  /** Its letters below: rows, tokens, places = rows * samplesPerRow. */
  readonly shape: ShardShape;
  /** Sample indices of each real row; fewer than `shape.rows` when rows are empty. */
  readonly rows: Shard['rows'];
  /** [rows * tokens], padded with the pad token. */
  readonly inputIds: Int32Array;
  /** [rows * tokens]: the place of each token in its sample, from 0; 0 for padding. */
  readonly positionIds: Int32Array;
  /** [rows * tokens]: which sample of its row a token belongs to, from 1; 0 for padding. */
  readonly sampleOfToken: Float32Array;
  readonly tokenTypeIds: Int32Array;
  /** [places]: where in its row each sample begins; 0 for places without one. */
  readonly firstTokens: Int32Array;
}

/** With what the loss reads. */
export interface Batch extends TokenBatch {
  /** [places]: class ids, ignoreIndex (-100) for places without a sample. Classification only. */
  readonly labelIds: Int32Array;
  /** [places] targets and their weights (0 for places without a sample). Regression reads both. */
  readonly targets: Float32Array;
  readonly labelWeights: Float32Array;
  /** Number of labels counted. */
  readonly weight: number;
}

export const ignoreIndex = -100;

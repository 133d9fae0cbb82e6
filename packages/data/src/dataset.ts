/** A tokenized data set: what the planner, the worker and evaluation read. */

/** What the labels mean, saved as id2label / label2id in config.json. */
export interface LabelMapping {
  readonly problemType: 'single_label_classification' | 'regression';
  /** Label names by id; empty for regression. */
  readonly labels: readonly string[];
}

export interface TokenizedDataset {
  readonly size: number;
  /** Tokens of each sample after truncation, special tokens counted. */
  readonly lengths: Int32Array;
  /** Token ids of sample i: `ids.subarray(offsets[i], offsets[i + 1])`. */
  readonly ids: Int32Array;
  readonly offsets: Int32Array;
  /** Token type (segment) of every token, 0 or 1, beside `ids`. */
  readonly typeIds: Uint8Array;
  /** Class ids or regression targets; NaN-free. */
  readonly labels: Float32Array;
  /** Of source bytes, tokenizer and options: the key of the cache; all workers must agree on it. */
  readonly contentHash: string;
}

/** A padded batch of one shard, ready for the graph. Buffers are reused by the next batch of the same shape. */
export interface Batch {
  readonly rows: number;
  readonly tokens: number;
  /** Sample index of each real row; shorter than `rows` when rows are empty. */
  readonly samples: readonly number[];
  /** [rows * tokens], padded with the pad token. */
  readonly inputIds: Int32Array;
  /** [rows * tokens], 1 for real tokens, 0 for padding. An empty row attends to its first position. */
  readonly attentionMask: Float32Array;
  readonly tokenTypeIds: Int32Array;
  /** [rows]: class ids, ignoreIndex (-100) for empty rows. Classification only. */
  readonly labelIds: Int32Array;
  /** [rows] targets and [rows] weights (0 for empty rows). Regression reads both. */
  readonly targets: Float32Array;
  readonly rowWeights: Float32Array;
  /** Number of labels counted. */
  readonly weight: number;
}

export const ignoreIndex = -100;

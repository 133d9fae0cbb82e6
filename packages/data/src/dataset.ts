/** Tokenized texts, with or without labels: what the planner, the worker and evaluation read. */
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

/** What the planner knows of a data set: sizes, never tokens. */
export interface SampleSizes {
  /** Tokens of every sample. */
  readonly lengths: Int32Array;
  /** Predictions of every sample that count, of a task whose head computes those alone. */
  readonly targets?: Int32Array | undefined;
}

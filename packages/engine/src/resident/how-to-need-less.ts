/** What to do when a program does not fit a device's memory. */
export const howToNeedLess =
  'Lower --micro_batch_tokens (the result of a step is a sum over shards of any size) or --max_seq_length, or use --bf16';

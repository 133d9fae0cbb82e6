/**
 * Words of the batch plan, shared by the planner (data), the coordinator, the worker and the wire.
 * A *shard* (micro-batch) is the unit of everything: its samples and shape are a pure function of
 * (seed, epoch, step, lengths), never of the workers. Shards of a step are numbered from 0; the sum
 * of their gradients is taken in a fixed binary tree over that number.
 */
import { z } from 'zod';

export const shardShapeSchema = z.object({
  /** Rows of the padded batch, real and empty ones. */
  rows: z.number().int().positive(),
  /** Tokens per row after padding. */
  tokens: z.number().int().positive(),
});
export type ShardShape = z.infer<typeof shardShapeSchema>;

export const shardSchema = z.object({
  shape: shardShapeSchema,
  /** Indices into the data set; at most `shape.rows`; missing rows are empty and weigh nothing. */
  samples: z.array(z.number().int().nonnegative()),
});
export type Shard = z.infer<typeof shardSchema>;

/** Shards `[from, to)` of a step belong to one rank. Ranges are contiguous, in rank order, and may be empty. */
export const shardRangeSchema = z.object({
  from: z.number().int().nonnegative(),
  to: z.number().int().nonnegative(),
});
export type ShardRange = z.infer<typeof shardRangeSchema>;

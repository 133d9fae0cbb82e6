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
  /** Samples that lie one behind the other in a row at most (*packing*); 1 where each has a row to itself. */
  samplesPerRow: z.number().int().positive(),
  /** Predictions that the head of a language model has room for, of the whole shard; absent: one a token. */
  targetTokens: z.number().int().positive().optional(),
});
export type ShardShape = z.infer<typeof shardShapeSchema>;

export const shardSchema = z.object({
  shape: shardShapeSchema,
  /**
   * The samples of each row in their order, as indices into the data set: at most `shape.rows` rows of 1 to
   * `shape.samplesPerRow` samples. Missing rows and places are empty and weigh nothing.
   */
  rows: z.array(z.array(z.number().int().nonnegative())),
});
export type Shard = z.infer<typeof shardSchema>;

/** All samples of a shard, row by row. */
export function samplesIn(shard: Shard): number[] {
  return shard.rows.flat();
}

/** Where the labels and logits of each sample lie in a batch of the shard: in rows * samplesPerRow places, row by row. */
export function placesIn({ shape, rows }: Shard): { sample: number; place: number }[] {
  return rows.flatMap((samples, row) =>
    samples.map((sample, at) => ({ sample, place: row * shape.samplesPerRow + at })),
  );
}

/** Equal for equal shapes, e.g. `4x128x8`, or `4x512x3x1024` with room for 1,024 predictions. */
export function shapeKey({ rows, tokens, samplesPerRow, targetTokens }: ShardShape): string {
  const room = targetTokens === undefined ? '' : `x${targetTokens}`;
  return `${rows}x${tokens}x${samplesPerRow}${room}`;
}

/** Shards `[from, to)` of a step belong to one rank. Ranges are contiguous, in rank order, and may be empty. */
export const shardRangeSchema = z.object({
  from: z.number().int().nonnegative(),
  to: z.number().int().nonnegative(),
});
export type ShardRange = z.infer<typeof shardRangeSchema>;

/**
 * Frames of one all-reduce, in the order in which a rank sends them to another:
 *
 *   begin    part: [shards, values, tables, then per partial sum: level, index, rows of each table]; payload: losses
 *   ids      part: [partial, table, byte]; payload: row numbers of a sparse gradient, int32
 *   rows     part: [partial, table, byte]; payload: those rows, float32
 *   scatter  part: [chunk, partial]; payload: the sender's partial sum over a chunk the receiver adds
 *   gather   part: [chunk]; payload: the root over a chunk the sender added
 *   commit   the sender has the whole result, and has read every frame it was sent
 *
 * The order is fixed, so a receiver can check every frame against the one it expects. Byte order is the machine's:
 * little-endian everywhere we run.
 */
import type { PartialSum, ShardLoss } from './all-reduce.js';
import type { TreeNode } from './tree.js';

export const phases = ['begin', 'ids', 'rows', 'scatter', 'gather', 'commit'] as const;
export type Phase = (typeof phases)[number];

export function isPhase(phase: string): phase is Phase {
  return (phases as readonly string[]).includes(phase);
}

/** What a rank announces: everything the receiver needs to know how many frames will follow. */
export interface Announcement {
  readonly shardCount: number;
  /** Values of the dense gradient. */
  readonly count: number;
  readonly partials: readonly { readonly node: TreeNode; readonly rows: readonly number[] }[];
  readonly tables: number;
}

export function announce(
  shardCount: number,
  count: number,
  tables: number,
  partials: readonly PartialSum[],
): number[] {
  const entries = partials.flatMap(({ node, rows }) => [
    node.level,
    node.index,
    ...rows.map(({ ids }) => ids.length),
  ]);
  return [shardCount, count, tables, ...entries];
}

/** Undefined when the numbers announce nothing sensible. */
export function readAnnouncement(part: readonly number[]): Announcement | undefined {
  const [shardCount, count, tables, ...entries] = part;
  if (shardCount === undefined || count === undefined || tables === undefined) return undefined;
  if (!part.every((number) => Number.isSafeInteger(number) && number >= 0)) return undefined;
  const size = 2 + tables;
  if (entries.length % size !== 0) return undefined;
  const partials = Array.from({ length: entries.length / size }, (_, i) => {
    const [level = 0, index = 0, ...rows] = entries.slice(i * size, (i + 1) * size);
    return { node: { level, index }, rows };
  });
  return { shardCount, count, tables, partials };
}

export function lossBytes(losses: readonly ShardLoss[]): Uint8Array {
  const numbers = losses.flatMap(({ shard, lossSum, weight }) => [shard, lossSum, weight]);
  return new Uint8Array(Float64Array.from(numbers).buffer);
}

/** Undefined when the bytes are no losses. */
export function readLosses(payload: Uint8Array): ShardLoss[] | undefined {
  if (payload.length % 24 !== 0) return undefined;
  const numbers = new Float64Array(payload.slice().buffer);
  return Array.from({ length: numbers.length / 3 }, (_, i) => ({
    shard: numbers[3 * i] as number,
    lossSum: numbers[3 * i + 1] as number,
    weight: numbers[3 * i + 2] as number,
  }));
}

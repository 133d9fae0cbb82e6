/** One rank of an all-reduce with made-up gradients, over any transport. */
import { createHash } from 'node:crypto';
import { createArena } from '@microtune/arena';
import type { AllReduce, Reduced } from '../all-reduce.js';
import { allReduceFloats, createAllReduce } from '../create-all-reduce.js';
import { createPartialSums, type PartialSums } from '../partial-sums.js';
import { createSlotPool } from '../slot-pool.js';
import type { Transport } from '../transport.js';
import { evenRange, fillGradient, lossOf, sparseGradients } from './step-case.js';

export interface RankOptions {
  readonly count: number;
  readonly widths: readonly number[];
  readonly chunkBytes: number;
  readonly runId?: string;
  /** Of each memory of the arena. Default: all in one. */
  readonly memoryBytes?: number;
}

export interface Rank {
  readonly rank: number;
  readonly reduce: AllReduce;
  readonly sums: PartialSums;
  /** Computes this rank's shards and reduces. */
  step(step: number, shards: number): Promise<Reduced>;
}

export async function createRank(transport: Transport, options: RankOptions): Promise<Rank> {
  const { count, widths, chunkBytes, runId = 'run', memoryBytes } = options;
  const { rank, worldSize } = transport;
  const arena = await createArena(
    10 * (count + 64) + allReduceFloats(worldSize, chunkBytes),
    memoryBytes === undefined ? {} : { memoryBytes },
  );
  const pool = createSlotPool(arena, count);
  const sums = createPartialSums({ arena, pool, widths });
  const setting = { transport, arena, pool, runId, epoch: 0, count, widths, chunkBytes };
  const reduce = createAllReduce(setting);
  const step = (step: number, shards: number): Promise<Reduced> => {
    sums.clear();
    const { from, to } = evenRange(rank, worldSize, shards);
    const losses = [];
    for (let shard = from; shard < to; shard++) {
      fillGradient(sums.slot().view, step, shard);
      sums.push(shard, sparseGradients(widths, step, shard));
      losses.push(lossOf(step, shard));
    }
    return reduce.reduce(step, shards, sums.sums(), losses);
  };
  return { rank, reduce, sums, step };
}

/** Of all bits of a result. */
export function hashOf({ dense, rows, losses }: Reduced): string {
  const hash = createHash('sha256').update(dense.view);
  for (const { ids, values } of rows) hash.update(ids).update(values);
  return hash.update(JSON.stringify(losses)).digest('hex');
}

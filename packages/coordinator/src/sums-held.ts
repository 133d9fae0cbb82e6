/** How many gradients each worker of a run holds at once: what its memory must have room for. */
import { sumsHeld } from '@microtune/collective';
import type { ShardRange } from '@microtune/shared';

/** Rows of all steps looked at together: cutting them takes about 50 ms. */
const rowsLookedAt = 16_384;
const mostSteps = 256;

export interface StepsToLookAt {
  readonly totalSteps: number;
  /** Later epochs are cut from the same rows in another order. */
  readonly stepsPerEpoch: number;
  readonly trainBatchSize: number;
  /** By rank. */
  rangesOf(step: number): readonly ShardRange[];
}

/**
 * The most of the steps looked at, by rank: all steps of a short epoch, evenly spaced ones of a long one. A step may have
 * a shard more than those and so, rarely, need one gradient more; the arena then finds room for it.
 */
export function mostSumsHeld(run: StepsToLookAt): number[] {
  const { totalSteps, stepsPerEpoch, trainBatchSize } = run;
  const steps = Math.min(totalSteps, stepsPerEpoch);
  const affordable = Math.max(2, Math.floor(rowsLookedAt / trainBatchSize));
  const looked = Math.min(steps, mostSteps, affordable);
  const most: number[] = [];
  for (let index = 0; index < looked; index++) {
    const ranges = run.rangesOf(1 + Math.floor((index * steps) / looked));
    ranges.forEach((range, rank) => {
      // A rank without shards takes a slot for the result.
      most[rank] = Math.max(most[rank] ?? 1, sumsHeld(range));
    });
  }
  return most;
}

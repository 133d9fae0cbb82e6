/**
 * Who computes which shards of a step. Placement never changes a bit of the result, only the time: ranges are contiguous
 * and balanced by cost over speed. Among ranges that are about equally balanced, those that end on high powers of two
 * win: a worker then holds few nodes of the summation tree and sends fewer partial sums.
 */
import { assert } from '@microtune/shared';
import { shapeCost } from './cut-shards.js';
import type { Shard, ShardRange } from '@microtune/shared';

/** A slowest rank this much slower than need be is accepted for fewer partial sums to send. */
const tolerance = 1.05;

/**
 * @param shards of one step (or evaluation), in order
 * @param workerSpeeds by rank, in any unit; only ratios count
 * @returns one range per rank, in rank order, together covering all shards; ranges may be empty
 */
export function assignShards(
  shards: readonly Shard[],
  workerSpeeds: readonly number[],
): ShardRange[] {
  assert(
    workerSpeeds.length > 0 && workerSpeeds.every((speed) => speed > 0),
    'every worker needs a speed above 0',
  );
  const costs = shards.map((shard) => shapeCost(shard.shape));
  const makespan = leastMakespan(costs, workerSpeeds) * tolerance;
  const earliest = earliestStarts(costs, workerSpeeds, makespan);
  let from = 0;
  return workerSpeeds.map((speed, rank) => {
    const furthest = reach(costs, from, speed * makespan);
    const to = mostAligned(Math.max(from, earliest[rank + 1] ?? 0), furthest);
    const range = { from, to };
    from = to;
    return range;
  });
}

/** The last shard index such that `[from, it)` costs at most `budget`. */
function reach(costs: readonly number[], from: number, budget: number): number {
  // Sums of the same costs in another order may differ in the last digits.
  let left = budget * (1 + 1e-9);
  let to = from;
  for (; to < costs.length; to++) {
    left -= costs[to] ?? 0;
    if (left < 0) break;
  }
  return to;
}

/** The least time in which the slowest rank can be done, to a millionth, by bisection. */
function leastMakespan(costs: readonly number[], speeds: readonly number[]): number {
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  const fits = (time: number): boolean =>
    speeds.reduce((from, speed) => reach(costs, from, speed * time), 0) === costs.length;
  let low = total / speeds.reduce((sum, speed) => sum + speed, 0);
  let high = total / Math.max(...speeds);
  while (high - low > high * 1e-6) {
    const middle = (low + high) / 2;
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** By rank: the earliest shard from which it and all later ranks can finish in time; the last entry is the end. */
function earliestStarts(
  costs: readonly number[],
  speeds: readonly number[],
  makespan: number,
): number[] {
  const reversed = [...costs].reverse();
  const starts = [costs.length];
  let taken = 0;
  for (const speed of [...speeds].reverse()) {
    taken = reach(reversed, taken, speed * makespan);
    starts.unshift(costs.length - taken);
  }
  return starts;
}

/** The number in `[low, high]` divisible by the highest power of two. */
function mostAligned(low: number, high: number): number {
  let unit = 1;
  while (unit * 2 <= high && Math.floor(high / (unit * 2)) * unit * 2 >= low) unit *= 2;
  return Math.floor(high / unit) * unit;
}

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
export function assignShards(shards: readonly Shard[], workerSpeeds: readonly number[]): ShardRange[] {
  assert(workerSpeeds.length > 0 && workerSpeeds.every((speed) => speed > 0), 'every worker needs a speed above 0');
  // before[i]: cost of all shards ahead of shard i.
  const before = [0];
  for (const shard of shards) before.push(before.at(-1)! + shapeCost(shard.shape));
  const makespan = leastMakespan(before, workerSpeeds) * tolerance;

  const earliest = earliestStarts(before, workerSpeeds, makespan);
  const ranges: ShardRange[] = [];
  let from = 0;
  for (const [rank, speed] of workerSpeeds.entries()) {
    const furthest = reach(before, from, speed * makespan);
    const to = mostAligned(Math.max(from, earliest[rank + 1]!), furthest);
    ranges.push({ from, to });
    from = to;
  }
  return ranges;
}

/** The last shard index such that `[from, it)` costs at most `budget`. */
function reach(before: readonly number[], from: number, budget: number): number {
  let to = from;
  // Sums of the same costs in another order may differ in the last digits.
  while (to + 1 < before.length && before[to + 1]! - before[from]! <= budget * (1 + 1e-9)) to++;
  return to;
}

/** The least time in which the slowest rank can be done; the answer is some range's cost over some rank's speed. */
function leastMakespan(before: readonly number[], speeds: readonly number[]): number {
  const total = before.at(-1)!;
  let low = total / speeds.reduce((sum, speed) => sum + speed, 0);
  let high = total / speeds[0]!;
  const fits = (time: number): boolean =>
    speeds.reduce((from, speed) => reach(before, from, speed * time), 0) === before.length - 1;
  if (fits(low)) return low;
  for (let round = 0; round < 40; round++) {
    const middle = (low + high) / 2;
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** starts[k]: the earliest shard from which ranks k and later can finish in time; the last entry is the end. */
function earliestStarts(before: readonly number[], speeds: readonly number[], makespan: number): number[] {
  const starts = [before.length - 1];
  for (const speed of [...speeds].reverse()) {
    const end = starts[0]!;
    let start = end;
    while (start > 0 && before[end]! - before[start - 1]! <= speed * makespan * (1 + 1e-9)) start--;
    starts.unshift(start);
  }
  return starts;
}

/** The number in `[low, high]` divisible by the highest power of two; the largest of several. */
function mostAligned(low: number, high: number): number {
  let unit = 1;
  while (Math.floor(high / (unit * 2)) * unit * 2 >= low && unit * 2 <= high) unit *= 2;
  return Math.floor(high / unit) * unit;
}

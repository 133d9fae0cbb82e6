/** Repeated measurements of one thing. */

export interface Spread {
  readonly minMs: number;
  readonly medianMs: number;
  readonly maxMs: number;
}

/** @param timesMs at least one */
export function spreadOf(timesMs: readonly number[]): Spread {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  const lower = Number.isInteger(middle) ? (sorted[middle - 1] ?? upper) : upper;
  return {
    minMs: sorted[0] ?? Number.NaN,
    medianMs: (lower + upper) / 2,
    maxMs: sorted.at(-1) ?? Number.NaN,
  };
}

/** Runs `work` `repeats` times after `warmups` that do not count; milliseconds of each. */
export async function timesOf(
  work: () => Promise<void>,
  { repeats, warmups }: { readonly repeats: number; readonly warmups: number },
): Promise<number[]> {
  for (let run = 0; run < warmups; run++) await work();
  const times: number[] = [];
  for (let run = 0; run < repeats; run++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times;
}

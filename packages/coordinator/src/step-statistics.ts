/** Figures over the steps of one process's run, for summary.json. */
import type { StepTimings } from '@microtune/shared';

export interface StepFigures {
  readonly steps: number;
  readonly samples: number;
  readonly tokens: number;
  /** Wall time of the steps: evaluations, checkpoints and start-up not counted. */
  readonly trainSeconds: number;
  /** Real tokens (no padding) per second of `trainSeconds`. */
  readonly tokensPerSecond: number;
  /** Milliseconds from one finished step to the next. */
  readonly stepMs: { readonly p50: number; readonly p95: number };
  /** Medians over steps of the slowest worker's parts; `other` is what is in none of them. */
  readonly partsMs: {
    readonly engine: number;
    readonly reduce: number;
    readonly optimizer: number;
    readonly other: number;
  };
}

export interface StepStatistics {
  /** Time begins to count for the next step: training starts, or goes on after a pause. */
  begin(now: number): void;
  add(
    step: { samples: number; tokens: number; timings: readonly StepTimings[] },
    now: number,
  ): void;
  figures(): StepFigures;
}

const otherMs = (t: StepTimings): number => t.totalMs - t.engineMs - t.reduceMs - t.optimizerMs;

export function createStepStatistics(): StepStatistics {
  const intervals: number[] = [];
  const slowest: StepTimings[] = [];
  let samples = 0;
  let tokens = 0;
  let last = 0;
  return {
    begin: (now) => {
      last = now;
    },
    add: (step, now) => {
      intervals.push(now - last);
      last = now;
      samples += step.samples;
      tokens += step.tokens;
      const [first, ...rest] = step.timings;
      if (first) slowest.push(rest.reduce((a, b) => (otherMs(b) > otherMs(a) ? b : a), first));
    },
    figures: () => {
      const trainSeconds = intervals.reduce((a, b) => a + b, 0) / 1000;
      const median = (part: (t: StepTimings) => number): number =>
        percentile(slowest.map(part), 0.5);
      return {
        steps: intervals.length,
        samples,
        tokens,
        trainSeconds,
        tokensPerSecond: trainSeconds === 0 ? 0 : tokens / trainSeconds,
        stepMs: { p50: percentile(intervals, 0.5), p95: percentile(intervals, 0.95) },
        partsMs: {
          engine: median((t) => t.engineMs),
          reduce: median((t) => t.reduceMs),
          optimizer: median((t) => t.optimizerMs),
          other: median(otherMs),
        },
      };
    },
  };
}

/** Nearest-rank percentile; 0 of nothing. */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

/** Signs of life from the worker's loop, so that the coordinator can tell a stuck worker from a slow one. */
import type { Clock } from '@microtune/shared';

export interface Progress {
  /**
   * To be called from the loop whenever something new begins. The coordinator is told at most once a second, the
   * latest phase always: a worker that hangs is known by what it was doing.
   */
  enter(phase: string, step: number): void;
}

const intervalMs = 1000;

export function createProgress(
  clock: Clock,
  tell: (phase: string, step: number) => void,
): Progress {
  let toldAt = -Infinity;
  let latest: { phase: string; step: number } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    timer = undefined;
    if (latest === undefined) return;
    toldAt = clock.now();
    tell(latest.phase, latest.step);
    latest = undefined;
  };
  return {
    enter: (phase, step) => {
      latest = { phase, step };
      const waitMs = toldAt + intervalMs - clock.now();
      if (waitMs <= 0) flush();
      else timer ??= setTimeout(flush, waitMs).unref();
    },
  };
}

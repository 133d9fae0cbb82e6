/**
 * Signs of life from the worker's loop, so that the coordinator can tell a stuck worker from a slow one, and one that
 * waits for its peers from the peer it waits for.
 */
export interface Progress {
  /**
   * To be called from the loop whenever something new begins. From the first call on, the coordinator is told the
   * latest phase once a second, new or not, as long as JavaScript runs in this process.
   */
  enter(phase: string, step: number): void;
  close(): void;
}

const intervalMs = 1000;

export function createProgress(tell: (phase: string, step: number) => void): Progress {
  let latest = { phase: '', step: 0 };
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => tell(latest.phase, latest.step);
  return {
    enter: (phase, step) => {
      latest = { phase, step };
      if (timer !== undefined) return;
      flush();
      timer = setInterval(flush, intervalMs).unref();
    },
    close: () => clearInterval(timer),
  };
}

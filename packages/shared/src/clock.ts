/** Time as an argument: only processes' entry points create the real one. */
export interface Clock {
  /** Milliseconds, monotonic, arbitrary origin. */
  now(): number;
  /** Wall-clock time as ISO 8601, for logs and events. */
  timestamp(): string;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  timestamp: () => new Date().toISOString(),
};

/**
 * Ctrl-C (SIGINT), SIGTERM and a terminal that is gone (SIGHUP) while training: the first asks the run to stop after
 * saving, a later one ends the process at once (workers notice that their coordinator is gone and leave).
 */
import { exitCodes } from '@microtune/shared';

export type StopCode = 'interrupted' | 'terminated';

export interface StopSignals {
  /** Aborted by the first signal; `reason` is the stop code. */
  readonly signal: AbortSignal;
  [Symbol.dispose](): void;
}

/** Whoever closes a terminal has asked as batch systems do. */
const codes = { SIGINT: 'interrupted', SIGTERM: 'terminated', SIGHUP: 'terminated' } as const;
type Signal = keyof typeof codes;

/** One Ctrl-C comes twice under npx and npm: from the terminal, and passed on by npm, which got it too. */
const sameRequestMs = 500;

/** @param tell called once per request with what happens now */
export function listenForStop(tell: (text: string) => void): StopSignals {
  const controller = new AbortController();
  let askedAt = -Infinity;
  const onSignal = (signal: Signal): void => {
    if (performance.now() - askedAt < sameRequestMs) return;
    if (controller.signal.aborted) {
      tell(`${signal} again: leaving without saving`);
      process.exit(exitCodes[codes[signal]]);
    }
    askedAt = performance.now();
    tell(`${signal}: saving the state, then stopping; once more to leave at once`);
    controller.abort(codes[signal]);
  };
  const signals = Object.keys(codes) as Signal[];
  for (const signal of signals) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

/**
 * Ctrl-C and SIGTERM while training: the first asks the run to stop after saving, a second one ends the process at
 * once (workers notice that their coordinator is gone and leave).
 */
import { exitCodes } from '@microtune/shared';

export type StopCode = 'interrupted' | 'terminated';

export interface StopSignals {
  /** Aborted by the first signal; `reason` is the stop code. */
  readonly signal: AbortSignal;
  [Symbol.dispose](): void;
}

/** @param tell called once per signal with what happens now */
export function listenForStop(tell: (text: string) => void): StopSignals {
  const controller = new AbortController();
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    const code: StopCode = signal === 'SIGINT' ? 'interrupted' : 'terminated';
    if (controller.signal.aborted) {
      tell(`${signal} again: leaving without saving`);
      process.exit(exitCodes[code]);
    }
    tell(`${signal}: saving the state, then stopping; once more to leave at once`);
    controller.abort(code);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

/** Steps as they are reported -> speed, recent loss and the time that is left. */
import type { Progress } from './progress-line.js';

export interface MeteredStep {
  readonly step: number;
  /** Mean over the global batch. */
  readonly loss: number;
  readonly learningRate: number;
  /** Real tokens of this step. */
  readonly tokens: number;
}

export interface ProgressMeter {
  /** @param nowMs when the step was reported, on any monotonic clock */
  add(step: MeteredStep, nowMs: number): Progress;
}

/** Steps that recent loss and speed look back on. */
const windowSteps = 20;

/**
 * Speed is measured between reports inside the window, so the compiling that goes before the first step does not
 * spoil it; evaluations and checkpoints in between do count, for they cost the user's time.
 */
export function createProgressMeter(totalSteps: number): ProgressMeter {
  let window: (MeteredStep & { nowMs: number })[] = [];
  return {
    add(step, nowMs) {
      window = [...window, { ...step, nowMs }].slice(-windowSteps);
      const first = window[0];
      const seconds = first === undefined ? 0 : (nowMs - first.nowMs) / 1000;
      const later = window.slice(1);
      const known = later.length > 0 && seconds > 0;
      return {
        step: step.step,
        totalSteps,
        loss: window.reduce((sum, each) => sum + each.loss, 0) / window.length,
        learningRate: step.learningRate,
        tokensPerSecond: known
          ? later.reduce((sum, each) => sum + each.tokens, 0) / seconds
          : undefined,
        remainingSeconds: known ? (seconds / later.length) * (totalSteps - step.step) : undefined,
      };
    },
  };
}

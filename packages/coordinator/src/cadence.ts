/** Which steps log, evaluate and save: HuggingFace's rules (transformers 5, `DefaultFlowCallback`), as functions of the step. */
import type { ResolvedConfig } from '@microtune/shared';
import { resolveCount } from './schedule.js';

/** HuggingFace's 500, which would leave a short run without a line. */
export function defaultLoggingSteps(totalSteps: number): number {
  return Math.max(1, Math.min(500, Math.ceil(totalSteps / 10)));
}

export interface Cadence {
  readonly loggingSteps: number;
  readonly evalSteps: number;
  readonly saveSteps: number;
  logs(step: number): boolean;
  /** Step 0 is before training. The last step always evaluates. */
  evaluates(step: number): boolean;
  /** Saves by the calendar; `save_strategy best` depends on the metric instead. */
  saves(step: number): boolean;
  /** True where training pauses for an evaluation or a checkpoint, and at the end. */
  pauses(step: number): boolean;
}

export function createCadence(
  config: ResolvedConfig,
  length: { totalSteps: number; stepsOfEpoch: number; hasEvaluation: boolean },
): Cadence {
  const { totalSteps, stepsOfEpoch, hasEvaluation } = length;
  const loggingSteps = Math.max(
    1,
    resolveCount(config.loggingSteps ?? defaultLoggingSteps(totalSteps), totalSteps),
  );
  const evalSteps = Math.max(1, resolveCount(config.evalSteps ?? loggingSteps, totalSteps));
  const saveSteps = Math.max(1, resolveCount(config.saveSteps, totalSteps));
  const dueBy = (strategy: string, everySteps: number, step: number): boolean => {
    if (strategy === 'steps') return step % everySteps === 0;
    return strategy === 'epoch' && step % stepsOfEpoch === 0;
  };
  const evaluates = (step: number): boolean => {
    if (!hasEvaluation) return false;
    if (step === 0) return config.evalOnStart;
    return step === totalSteps || dueBy(config.evalStrategy, evalSteps, step);
  };
  const saves = (step: number): boolean => {
    if (step === 0) return false;
    const atEnd =
      step === totalSteps && (config.saveStrategy === 'steps' || config.saveStrategy === 'epoch');
    return atEnd || dueBy(config.saveStrategy, saveSteps, step);
  };
  return {
    loggingSteps,
    evalSteps,
    saveSteps,
    logs: (step) => step % loggingSteps === 0 || (step === 1 && config.loggingFirstStep),
    evaluates,
    saves,
    pauses: (step) => step === totalSteps || evaluates(step) || saves(step),
  };
}

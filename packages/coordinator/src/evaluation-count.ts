import { createCadence } from './cadence.js';
import type { RunSpec } from './decide/run-spec.js';

/** Evaluations that a run still makes, unless it stops early. */
export function evaluationCount({
  config,
  evaluation,
  start,
  stepsOfEpoch,
  totalSteps,
}: Pick<RunSpec, 'config' | 'evaluation' | 'start' | 'stepsOfEpoch' | 'totalSteps'>): number {
  if (evaluation === undefined) return 0;
  const { evaluates } = createCadence(config, { totalSteps, stepsOfEpoch, hasEvaluation: true });
  const done = start?.state.global_step ?? 0;
  let count = done === 0 && evaluates(0) ? 1 : 0;
  for (let step = done + 1; step <= totalSteps; step++) if (evaluates(step)) count++;
  return count;
}

/**
 * How long a run will take, from how fast an earlier one was on this machine. A step is work that every step has (sums,
 * optimizer) and work for each token. The latter is counted in FLOPs, forward and backward, so that one measurement
 * serves other row lengths and, roughly, other models: 6 x (dense parameters) + 12 x layers x width x tokens of a row
 * (Chowdhery et al., PaLM, app. B).
 */
import { evaluationCount, type OpenedRun, type Summary } from '@microtune/coordinator';
import type { ModelSize } from '@microtune/models/model-size';
import { assert } from '@microtune/shared';

/** What a run was like, so that the next can be told. */
export interface RunSpeed {
  readonly model: ModelSize;
  /** Until the first step is done. */
  readonly startSeconds: number;
  /** Of a step, whatever its tokens. */
  readonly fixedSeconds: number;
  readonly flopsPerSecond: number;
}

export interface RunWork {
  readonly model: ModelSize;
  readonly steps: number;
  /** Of all steps, padding not counted. */
  readonly tokens: number;
  /** Of all evaluations. */
  readonly evaluatedTokens: number;
  /** Of a row in the mean. */
  readonly rowTokens: number;
}

/** With fewer, start-up and compilation are most of what was measured. */
const fewestSteps = 10;
/** Forward alone is a third of forward and backward. */
const forwardShare = 1 / 3;
/** Models further apart use a machine too differently for one to tell about the other. */
const mostTimes = 10;

/** @returns undefined for a run too short, or resumed, to be measured by */
export function speedOf(
  summary: Pick<
    Summary,
    | 'steps'
    | 'tokens'
    | 'samples'
    | 'step_ms'
    | 'step_parts_ms'
    | 'first_step_seconds'
    | 'resumed_from'
  >,
  model: ModelSize,
): RunSpeed | undefined {
  const { steps, tokens, samples, step_ms: stepMs, step_parts_ms: parts } = summary;
  if (steps < fewestSteps || summary.resumed_from !== undefined) return undefined;
  const fixedMs = Math.min(parts.reduce + parts.optimizer, stepMs.p50);
  const flops = (tokens / steps) * flopsPerToken(model, tokens / samples);
  const flopsPerSecond = flops / ((stepMs.p50 - fixedMs) / 1000);
  if (!Number.isFinite(flopsPerSecond)) return undefined;
  return {
    model,
    startSeconds: summary.first_step_seconds ?? 0,
    fixedSeconds: fixedMs / 1000,
    flopsPerSecond,
  };
}

export function expectedSeconds(work: RunWork, speed: RunSpeed): number {
  const tokens = work.tokens + forwardShare * work.evaluatedTokens;
  const flops = tokens * flopsPerToken(work.model, work.rowTokens);
  const fixed = speed.fixedSeconds * (work.model.parameterCount / speed.model.parameterCount);
  return speed.startSeconds + work.steps * fixed + flops / speed.flopsPerSecond;
}

/** The speed of this model, else of the one nearest in size; undefined where none is near. */
export function nearestSpeed(speeds: readonly RunSpeed[], model: ModelSize): RunSpeed | undefined {
  const timesOf = ({ model: other }: RunSpeed): number =>
    Math.exp(Math.abs(Math.log(other.denseCount / model.denseCount)));
  const [nearest] = speeds.toSorted(
    (a, b) => timesOf(a) - timesOf(b) || Number(isOf(model, b)) - Number(isOf(model, a)),
  );
  return nearest !== undefined && timesOf(nearest) <= mostTimes ? nearest : undefined;
}

export function isOf(model: ModelSize, { model: other }: RunSpeed): boolean {
  return (
    model.parameterCount === other.parameterCount &&
    model.denseCount === other.denseCount &&
    model.layersWidth === other.layersWidth
  );
}

/** What is left to do of a run. */
export function workOf(
  { spec, task }: Pick<OpenedRun, 'spec' | 'task'>,
  model: ModelSize,
): RunWork {
  const tokensOf = (lengths: Int32Array): number => lengths.reduce((sum, each) => sum + each, 0);
  const { train, validation } = task;
  assert(train.size > 0, 'a run without rows');
  const epochTokens = tokensOf(train.lengths);
  const steps = spec.totalSteps - (spec.start?.state.global_step ?? 0);
  return {
    model,
    steps,
    tokens: (epochTokens * steps) / spec.stepsOfEpoch,
    evaluatedTokens:
      validation === undefined ? 0 : evaluationCount(spec) * tokensOf(validation.lengths),
    rowTokens: epochTokens / train.size,
  };
}

function flopsPerToken({ denseCount, layersWidth }: ModelSize, rowTokens: number): number {
  return 6 * denseCount + 12 * layersWidth * rowTokens;
}

/**
 * A resumed run may go on with other options than before where they decide only the steps ahead. That is allowed and
 * rarely meant: each is said, with what it was.
 */
import { optionName, type ResolvedConfig } from '@microtune/shared';
import { totalSteps, warmupStepCount } from './schedule.js';
import type { TrainerState } from './trainer-state.js';

const watched = [
  'learningRate',
  'lrSchedulerType',
  'lrSchedulerKwargs',
  'weightDecay',
  'adamBeta1',
  'adamBeta2',
  'adamEpsilon',
  'maxGradNorm',
  'labelSmoothingFactor',
  'hiddenDropoutProb',
  'attentionProbsDropoutProb',
  'classifierDropout',
  'engine',
  'bf16',
  'tf32',
] as const satisfies readonly (keyof ResolvedConfig)[];

/** What a checkpoint keeps of them, in JSON; a key that is missing was not given. */
export function watchedOptions(
  config: ResolvedConfig,
  stepsOfRun: number,
): Record<string, unknown> {
  const given = watched.map((key) => [key, config[key]] as const);
  return Object.fromEntries(
    [...given, ['warmupSteps', warmupStepCount(config, stepsOfRun)] as const].filter(
      ([, value]) => value !== undefined,
    ),
  );
}

/** @param state of the checkpoint that the run goes on from */
export function resumeNotes(
  config: ResolvedConfig,
  state: TrainerState,
  stepsOfEpoch: number,
): string[] {
  const stepsNow = totalSteps(config, stepsOfEpoch);
  const before = state.microtune.options;
  const now = watchedOptions(config, stepsNow);
  const names = before === undefined ? [] : [...watched, 'warmupSteps' as const];
  const notes = names
    .filter((key) => JSON.stringify(before?.[key]) !== JSON.stringify(now[key]))
    .map(
      (key) =>
        `${optionName(key)} was ${textOf(before?.[key])} up to step ${state.global_step} and is ${textOf(now[key])} from here on`,
    );
  if (state.max_steps !== stepsNow) {
    const bend =
      config.lrSchedulerType === 'constant' || config.lrSchedulerType === 'constant_with_warmup'
        ? ''
        : `: the learning rate (${config.lrSchedulerType}) goes on as if it had always been ${stepsNow}, so it jumps here`;
    notes.push(`the run had ${state.max_steps} steps and has ${stepsNow} now${bend}`);
  }
  return notes;
}

function textOf(value: unknown): string {
  if (value === undefined) return "the model's own";
  return typeof value === 'string' ? value : JSON.stringify(value);
}

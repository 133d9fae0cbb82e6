/** What a caller may say of the texts to be made; what is left out is as the model's folder has it. */
import { MicrotuneError } from '@microtune/shared';
import type { GenerationConfig } from '../sampling/generation-config.js';
import { checkSampling, greedy, type SamplingOptions } from '../sampling/sampling-options.js';

export interface GenerateOptions extends Partial<{
  readonly [Name in keyof SamplingOptions]: SamplingOptions[Name] | undefined;
}> {
  /** Tokens of an answer at most. @default 256, or as many as the model has positions for */
  readonly maxNewTokens?: number | undefined;
  /** Of the draws: the same prompt has the same answer. @default 0 */
  readonly seed?: number | undefined;
  /** Strings that end an answer, and are not part of it. */
  readonly stop?: readonly string[] | undefined;
  /** Answers made at the same time at most. @default 8 */
  readonly batchSize?: number | undefined;
  /** A prompt that is text becomes a user's turn, by the chat template. @default as the model was trained */
  readonly asChat?: boolean | undefined;
  /** Aborting it ends all answers where they are. */
  readonly signal?: AbortSignal | undefined;
}

export interface ResolvedGeneration {
  readonly sampling: SamplingOptions;
  /** Undefined: as many as there is room for, 256 at most. */
  readonly maxNewTokens: number | undefined;
  readonly seed: number;
  readonly stop: readonly string[];
  readonly batchSize: number;
}

export const usualNewTokens = 256;

/** @throws MicrotuneError `usage` naming the first option that is out of its range */
export function resolveGeneration(
  options: GenerateOptions,
  { sampling }: Pick<GenerationConfig, 'sampling'>,
): ResolvedGeneration {
  const { maxNewTokens, seed = 0, stop = [], batchSize = 8 } = options;
  requireCount('max_new_tokens', maxNewTokens ?? 1, 1);
  requireCount('seed', seed, 0);
  requireCount('batch_size', batchSize, 1);
  if (!stop.every((text) => typeof text === 'string' && text !== ''))
    throw new MicrotuneError('usage', 'stop: expected texts that are not empty');
  const resolved = { ...samplingBeside(options, sampling), ...samplingOf(options) };
  checkSampling(resolved);
  return { sampling: resolved, maxNewTokens, seed, stop, batchSize };
}

function samplingOf(options: GenerateOptions): Partial<SamplingOptions> {
  const names = Object.keys(greedy) as (keyof SamplingOptions)[];
  return Object.fromEntries(
    names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
}

/** Whoever asks for the likeliest tokens to draw from wants a draw, also of a folder that takes the likeliest. */
function samplingBeside({ topK, topP }: GenerateOptions, own: SamplingOptions): SamplingOptions {
  const draws = (topK ?? 0) > 0 || (topP ?? 1) < 1;
  return draws && own.temperature === 0 ? { ...own, temperature: 1 } : own;
}

function requireCount(option: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new MicrotuneError(
    'usage',
    `${option}: expected a whole number from ${least} on, got ${String(value)}`,
  );
}

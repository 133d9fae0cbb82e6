/** How the next token is chosen from a row of logits: HuggingFace's names and meanings. */
import { MicrotuneError } from '@microtune/shared';

export interface SamplingOptions {
  /** Logits are divided by it; 0 takes the likeliest token, always. */
  readonly temperature: number;
  /** Only the so many likeliest tokens, and those as likely as the last of them; 0: all. */
  readonly topK: number;
  /** Only the likeliest tokens that together have this probability; 1: all. */
  readonly topP: number;
  /** Tokens that were there before, also in the prompt, get less likely above 1; 1: no change. */
  readonly repetitionPenalty: number;
}

export const greedy: SamplingOptions = {
  temperature: 0,
  topK: 0,
  topP: 1,
  repetitionPenalty: 1,
};

const rules: {
  readonly [Name in keyof SamplingOptions]: readonly [
    option: string,
    holds: (value: number) => boolean,
    expected: string,
  ];
} = {
  temperature: ['temperature', (value) => value >= 0 && Number.isFinite(value), 'at least 0'],
  topK: ['top_k', (value) => value >= 0 && Number.isInteger(value), 'a whole number from 0 on'],
  topP: ['top_p', (value) => value > 0 && value <= 1, 'above 0 and at most 1'],
  repetitionPenalty: [
    'repetition_penalty',
    (value) => value > 0 && Number.isFinite(value),
    'above 0',
  ],
};

/** @throws MicrotuneError `usage` naming the first option that is out of its range */
export function checkSampling(options: SamplingOptions): void {
  for (const [name, [option, holds, expected]] of Object.entries(rules)) {
    const value = options[name as keyof SamplingOptions];
    if (!holds(value))
      throw new MicrotuneError('usage', `${option}: expected ${expected}, got ${value}`);
  }
}

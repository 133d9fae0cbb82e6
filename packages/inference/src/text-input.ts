/** What callers give to be classified -> the texts of a row. */
import type { Texts } from '@microtune/data';
import { MicrotuneError } from '@microtune/shared';

/** One text, or two for a model of pairs. */
export type TextInput =
  | string
  | readonly [text: string, textPair: string]
  | { readonly text: string; readonly textPair?: string | undefined };

/** Whether the model was trained on pairs; undefined where its folder does not say. */
export type TakesPairs = boolean | undefined;

/** @throws MicrotuneError `usage` naming the first input that is not what the model takes, by its place */
export function textsOfInputs(inputs: readonly TextInput[], takesPairs: TakesPairs): Texts[] {
  if (!Array.isArray(inputs)) {
    throw wrong(`predict expects an array of texts, got ${kindOf(inputs)}: write predict([text])`);
  }
  return Array.from(inputs as readonly unknown[], (input, at) => {
    const texts = textsOfInput(input);
    if (texts === undefined) {
      throw wrong(
        `predict: texts[${at}] is ${kindOf(input)}; expected a text, a pair [text, textPair], or { text, textPair }`,
      );
    }
    const problem = problemOf(texts, takesPairs);
    if (problem !== undefined) throw wrong(`predict: texts[${at}] ${problem}`);
    return texts;
  });
}

/** Why these texts cannot be answered; undefined where they can. */
export function problemOf({ first, second }: Texts, takesPairs: TakesPairs): string | undefined {
  if (first.trim() === '' && (second ?? '').trim() === '') return 'is empty: there is no text';
  if (takesPairs === true && second === undefined)
    return 'is one text, and the model was trained on pairs of texts';
  if (takesPairs === false && second !== undefined)
    return 'is a pair of texts, and the model was trained on single ones';
  return undefined;
}

function textsOfInput(input: unknown): Texts | undefined {
  if (typeof input === 'string') return { first: input, second: undefined };
  if (Array.isArray(input)) {
    const [first, second] = input as readonly unknown[];
    const isPair = input.length === 2 && typeof first === 'string' && typeof second === 'string';
    return isPair ? { first, second } : undefined;
  }
  if (typeof input !== 'object' || input === null) return undefined;
  const { text, textPair } = input as { text?: unknown; textPair?: unknown };
  if (typeof text !== 'string') return undefined;
  if (textPair !== undefined && typeof textPair !== 'string') return undefined;
  return { first: text, second: textPair };
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object')
    return `an object with ${Object.keys(value).join(', ') || 'no keys'}`;
  return `${typeof value} ${JSON.stringify(value)}`;
}

const wrong = (message: string): MicrotuneError => new MicrotuneError('usage', message);

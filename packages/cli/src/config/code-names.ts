/**
 * Configuration from code has camelCase keys and no dashes; messages are written for the command line. At the border of
 * the API names are turned into those that its user wrote.
 */
import {
  MicrotuneError,
  optionName,
  refusedOptions,
  reworded,
  runConfigSchema,
} from '@microtune/shared';
import type { z } from 'zod';
import { nearestName } from '@microtune/shared/nearest-name';

/** Runs `work`; names of options in the message of its error become the keys of `schema`. */
export async function withCodeNames<Result>(
  schema: z.ZodObject,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw reworded(error, (text) => codeNames(text, schema));
  }
}

/** `--learning_rate 5` -> `learningRate 5`. Names that are none of an option's stay. */
export function codeNames(text: string, schema: z.ZodObject): string {
  const keys = new Map(
    [...Object.keys(runConfigSchema.shape), ...Object.keys(schema.shape)].map((key) => [
      optionName(key),
      key,
    ]),
  );
  return text.replace(
    /--([a-z][a-z0-9_]*)|\b[a-z]+(?:_[a-z0-9]+)+\b/g,
    (written, dashed?: string) => {
      return keys.get(dashed ?? written) ?? written;
    },
  );
}

/**
 * @param what e.g. `train`, for the message
 * @throws MicrotuneError `usage` for something that is no object, and for the first key that `schema` does not have
 */
export function checkKeys(schema: z.ZodObject, values: unknown, what: string): void {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new MicrotuneError('usage', `${what} expects an object, got ${String(values)}`);
  }
  const known = Object.keys(schema.shape);
  const unknown = Object.keys(values).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const reason = refusedOptions[optionName(unknown)];
  if (reason !== undefined) {
    throw new MicrotuneError(
      'usage',
      `${what}: ${unknown} is an option of HuggingFace that Microtune refuses: ${reason}`,
    );
  }
  const nearest = nearestName(unknown, known);
  const offer =
    nearest === undefined ? `the keys are ${known.join(', ')}` : `did you mean ${nearest}?`;
  throw new MicrotuneError('usage', `${what}: unknown key ${unknown}; ${offer}`);
}

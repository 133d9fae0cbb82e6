/** config.json against a schema, with errors that name the file and the key; and the pieces that schemas share. */
import { MicrotuneError } from '@microtune/shared';
import { z } from 'zod';
import type { HfConfig } from '../folder/config-file.js';

export const count = z.number().int().positive();
export const probability = z.number().min(0).lt(1);
/** A key that some writers leave out and some write as null. */
export const optionalCount = count.nullish();
export const tokenId = z.number().int().nonnegative().nullish();

/** @throws MicrotuneError `data` naming the file and the key that does not fit */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  config: HfConfig,
  file: string,
): z.infer<Schema> {
  const result = schema.safeParse(config);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new MicrotuneError(
    'data',
    `${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  );
}

/** @throws MicrotuneError `data` where a width cannot be shared out */
export function requireMultiple(
  [largeName, large]: readonly [string, number],
  [smallName, small]: readonly [string, number],
  file: string,
): void {
  if (large % small === 0) return;
  throw new MicrotuneError(
    'data',
    `${file}: ${largeName} ${large} is not a multiple of ${smallName} ${small}`,
  );
}

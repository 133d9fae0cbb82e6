import { join } from 'node:path';
import { parseJsonObject, readIfThere } from '@microtune/data';
import { MicrotuneError } from '@microtune/shared';
import { z } from 'zod';

/** What a model can take, as far as its config.json says. */
export interface ModelLimits {
  /** Rows of the table of embeddings. */
  readonly vocabularySize: number | undefined;
  /** Tokens of a sample. */
  readonly maxPositions: number | undefined;
}

const size = z.number().int().positive().nullish();
const limitsSchema = z.looseObject({
  vocab_size: size,
  max_position_embeddings: size,
  /** GPT-2's name for it. */
  n_positions: size,
});

/** @throws MicrotuneError `data` when config.json is missing or says nonsense */
export async function readModelLimits(folder: string): Promise<ModelLimits> {
  const file = join(folder, 'config.json');
  const text = await readIfThere(file);
  if (text === undefined) {
    throw new MicrotuneError('data', `${folder}: no config.json; expected a model folder`);
  }
  const parsed = limitsSchema.safeParse(parseJsonObject(text, file));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new MicrotuneError('data', `${file}: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const {
    vocab_size: words,
    max_position_embeddings: positions,
    n_positions: ofGpt2,
  } = parsed.data;
  return { vocabularySize: words ?? undefined, maxPositions: positions ?? ofGpt2 ?? undefined };
}

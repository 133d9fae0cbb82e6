import { MicrotuneError } from '@microtune/shared';
import type { MethodModel } from './method.js';

/**
 * The output layer of a tied model is the table of words. PEFT trains a copy of the table and leaves the output layer as it
 * was, so what is trained here as one would answer otherwise there.
 * @throws MicrotuneError `usage` for a tied table that is trained whole beside an adapter
 */
export function refuseTiedTable(
  { tiedTable }: MethodModel,
  isWhole: (path: string) => boolean,
): void {
  if (tiedTable === undefined || !isWhole(tiedTable)) return;
  throw new MicrotuneError(
    'usage',
    `modules_to_save: ${tiedTable} is the output layer, too (tied embeddings), and PEFT would train the one without the other: leave it out`,
  );
}

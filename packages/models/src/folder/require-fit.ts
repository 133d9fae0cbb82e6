/** Whether tokenized data can be fed to a model: its tables have no rows beyond their end, and nothing later looks. */
import type { TokenizedTexts } from '@microtune/data';
import { MicrotuneError } from '@microtune/shared';
import type { LoadedModel } from './load-model.js';

type Limits = Pick<LoadedModel, 'folder' | 'maxTokens' | 'vocabSize' | 'typeVocabSize'>;

/**
 * @throws MicrotuneError `usage` for rows longer than the model has positions, `data` for a tokenizer that is not the model's
 */
export function requireFit(
  { folder, maxTokens, vocabSize, typeVocabSize }: Limits,
  { lengths, ids, typeIds }: Pick<TokenizedTexts, 'lengths' | 'ids' | 'typeIds'>,
): void {
  const longest = largest(lengths);
  if (longest > maxTokens) {
    throw new MicrotuneError(
      'usage',
      `max_seq_length: a row has ${longest} tokens, the model takes ${maxTokens}: give --max_seq_length ${maxTokens} or less`,
    );
  }
  const where = `${folder ?? 'the model'}: its tokenizer makes`;
  const id = largest(ids);
  if (id >= vocabSize) {
    throw new MicrotuneError(
      'data',
      `${where} token ${id}, but config.json says vocab_size ${vocabSize}: the tokenizer belongs to another model`,
    );
  }
  const type = largest(typeIds);
  if (type >= typeVocabSize) {
    throw new MicrotuneError(
      'data',
      `${where} token type ${type}, but config.json says type_vocab_size ${typeVocabSize}: the model takes no pairs of texts`,
    );
  }
}

/** Not Math.max, whose arguments are limited. */
function largest(values: Int32Array | Uint8Array): number {
  let most = -1;
  for (const value of values) if (value > most) most = value;
  return most;
}

import { lengthsOf, packRows } from './token-store.js';
import type { Texts } from './columns.js';
import type { TokenizedTexts } from './dataset.js';
import type { TextTokenizer } from './text-tokenizer.js';

/** Texts without labels as the batcher reads them, in their order. @throws MicrotuneError `data` when the tokenizer fails */
export async function tokenizeTexts(
  tokenizer: TextTokenizer,
  texts: readonly Texts[],
): Promise<TokenizedTexts> {
  const tokens = packRows(await tokenizer.encode(texts));
  return { size: texts.length, lengths: lengthsOf(tokens), ...tokens };
}

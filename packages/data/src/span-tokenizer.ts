/**
 * Texts to token ids with the place of each token in its text, and back: what language models read and write. Nothing is cut and
 * nothing is padded; whatever truncation and padding tokenizer.json carries is switched off.
 *
 * Places count code points, as the library does, not UTF-16 units. A character of several bytes can lie in several tokens, which
 * then have the same place; a token can have an empty one (a lone space, where the tokenizer trims offsets).
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Tokenizer, type Encoding } from 'tokenizers';
import { MicrotuneError, messageOf } from '@microtune/shared';
import { readSpecialTokens, type SpecialTokens } from './special-tokens.js';
import { readIfThere } from './text-tokenizer.js';

/** The tokens of one text. */
export interface TokenSpans {
  readonly ids: readonly number[];
  /** Per token: the code points `[from, to)` of the text that it stands for; [0, 0] of a token that the tokenizer added. */
  readonly places: readonly (readonly number[])[];
}

export interface SpanTokenizer {
  /** Of everything that decides the ids. */
  readonly contentHash: string;
  readonly specialTokens: SpecialTokens;
  /** One more than the highest id. */
  readonly vocabularySize: number;
  /** What the tokens of the vocabulary's list of special ones look like, e.g. `<|im_end|>`. */
  readonly controlTokens: readonly string[];
  /** Undefined for a token that the vocabulary lacks. */
  idOf(token: string): number | undefined;
  /** The token as the vocabulary writes it, e.g. `ĠParis`. */
  tokenOf(id: number): string | undefined;
  /**
   * @param addSpecialTokens the begin and end tokens that tokenizer.json puts around a text; false for text that has its own, as
   *   a chat template writes them
   * @throws MicrotuneError `data` when the library refuses a text
   */
  encode(
    texts: readonly string[],
    options: { readonly addSpecialTokens: boolean },
  ): Promise<TokenSpans[]>;
  decode(
    ids: readonly number[],
    options?: { readonly skipSpecialTokens?: boolean },
  ): Promise<string>;
}

/** @param folder model folder with tokenizer.json @throws MicrotuneError `data` when it is missing or broken */
export async function loadSpanTokenizer(folder: string): Promise<SpanTokenizer> {
  const file = join(folder, 'tokenizer.json');
  const json = await readIfThere(file);
  if (json === undefined) {
    throw new MicrotuneError('data', `${folder}: no tokenizer; expected tokenizer.json`);
  }
  const tokenizer = parse(json, file);
  tokenizer.disablePadding();
  tokenizer.disableTruncation();
  const specialTokens = await readSpecialTokens(folder);
  const controlTokens = controlTokensOf(JSON.parse(json));
  const vocabulary = Object.values(tokenizer.getVocab(true));
  return {
    contentHash: createHash('sha256')
      .update(`${JSON.stringify(specialTokens)} ${json}`)
      .digest('hex'),
    specialTokens,
    vocabularySize: vocabulary.reduce((most, id) => Math.max(most, id + 1), 0),
    controlTokens,
    idOf: (token) => tokenizer.tokenToId(token) ?? undefined,
    tokenOf: (id) => tokenizer.idToToken(id) ?? undefined,
    encode: async (texts, { addSpecialTokens }) => {
      const encodings = await tokenizer
        .encodeBatch([...texts], { addSpecialTokens })
        .catch((cause: unknown) => {
          throw new MicrotuneError('data', `the tokenizer failed: ${messageOf(cause)}`, { cause });
        });
      return encodings.map(spansOf);
    },
    decode: (ids, { skipSpecialTokens = false } = {}) =>
      tokenizer.decode([...ids], skipSpecialTokens),
  };
}

const spansOf = (encoding: Encoding): TokenSpans => ({
  ids: encoding.getIds(),
  places: encoding.getOffsets(),
});

function parse(json: string, file: string): Tokenizer {
  try {
    return Tokenizer.fromString(json);
  } catch (cause) {
    throw new MicrotuneError('data', `${file}: broken tokenizer: ${messageOf(cause)}`, { cause });
  }
}

/** @param definition contents of a tokenizer.json that the library has taken */
function controlTokensOf(definition: unknown): string[] {
  const { added_tokens: added } = definition as {
    readonly added_tokens?: readonly { readonly content: string; readonly special?: boolean }[];
  };
  return (added ?? []).filter(({ special }) => special === true).map(({ content }) => content);
}

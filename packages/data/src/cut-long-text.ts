/**
 * Cuts a text that is far longer than what is kept of it, before it is tokenized: one line of 20 MB takes the
 * tokenizer seconds, and 128 tokens of it are used.
 *
 * Held to BERT's definition, of which it is known that white space ends a word for good: its normalizer goes
 * character by character (and accents belong to the character before), its words end at white space, WordPiece looks
 * at one word. So the tokens of what stands before a space are the first tokens of the whole.
 */
import { z } from 'zod';

const longestCharactersPerToken = 64;
const spareCharacters = 10_000;

/** A token found in the text before it is cut into words; with white space in or at it, it could reach over a cut. */
const addedToken = z.object({ content: z.string().regex(/^[!-~]+$/) });

const cuttable = z.object({
  normalizer: z.object({ type: z.literal('BertNormalizer') }).nullable(),
  pre_tokenizer: z.object({ type: z.literal('BertPreTokenizer') }),
  model: z.object({ type: z.literal('WordPiece') }),
  added_tokens: z.array(addedToken).nullish(),
});

/** @param definition contents of a tokenizer.json */
export function endsWordsAtSpaces(definition: unknown): boolean {
  return cuttable.safeParse(definition).success;
}

/**
 * @param maxTokens that are kept of the text
 * @returns the text up to some white space, likely more than `maxTokens`; undefined for a text that is short enough
 * or has no white space to cut at
 */
export function cutAtSpace(text: string, maxTokens: number): string | undefined {
  const most = longestCharactersPerToken * maxTokens + spareCharacters;
  if (text.length <= most) return undefined;
  for (let end = most; end > 0; end--) {
    if (' \t\n\r'.includes(text.charAt(end))) return text.slice(0, end);
  }
  return undefined;
}

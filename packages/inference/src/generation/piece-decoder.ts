/**
 * Tokens to text while they come: a character of several tokens, and a space that belongs to the next word, are held back until they
 * are whole. A window over the last tokens is decoded, with a few before it, because tokenizers write a token otherwise at the
 * beginning of a text; the pieces together are the text.
 */
import type { SpanTokenizer } from '@microtune/data';

/** Of the prompt, in front of the window. */
const contextTokens = 4;
/** What a decoder writes for bytes that are no whole character yet. */
const unfinished = '\uFFFD';

export class PieceDecoder {
  readonly #tokenizer: Pick<SpanTokenizer, 'decode'>;
  /** The tokens of the window, those that were given out in front. */
  #ids: number[];
  /** How many of them were given out. */
  #given: number;

  constructor(tokenizer: Pick<SpanTokenizer, 'decode'>, prompt: readonly number[]) {
    this.#tokenizer = tokenizer;
    this.#ids = prompt.slice(-contextTokens);
    this.#given = this.#ids.length;
  }

  /** @returns what is certain by now */
  async push(id: number): Promise<string> {
    this.#ids.push(id);
    const piece = await this.#open();
    if (piece === '' || piece.endsWith(unfinished)) return '';
    this.#ids = this.#ids.slice(this.#given);
    this.#given = this.#ids.length;
    return piece;
  }

  /** What was held back, when the text ends. */
  finish(): Promise<string> {
    return this.#open();
  }

  async #open(): Promise<string> {
    const decode = (ids: readonly number[]) =>
      this.#tokenizer.decode(ids, { skipSpecialTokens: true });
    const [before, all] = await Promise.all([
      decode(this.#ids.slice(0, this.#given)),
      decode(this.#ids),
    ]);
    return all.slice(before.length);
  }
}

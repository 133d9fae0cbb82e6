/**
 * Texts made side by side: each row of a batch grows by a token at a time; a row whose text has ended takes the next prompt that
 * waits. Which texts share a batch, and in what order they come, decides nothing: a token is drawn by (seed, prompt, place).
 */
import type { SpanTokenizer } from '@microtune/data';
import { assert } from '@microtune/shared';
import { chooseToken } from '../sampling/choose-token.js';
import type { SamplingOptions } from '../sampling/sampling-options.js';
import { createStopFinder, type StopFinder } from '../sampling/stop-strings.js';
import type { NextTokens } from './next-tokens.js';
import { PieceDecoder } from './piece-decoder.js';

/** A prompt that is to be continued. */
export interface TextRequest {
  readonly ids: readonly number[];
  readonly maxNewTokens: number;
  /** Which draws are its own: equal for the same prompt wherever it stands. */
  readonly sample: number;
  /** Hears of every piece of the text, in order. */
  readonly onPiece: (text: string) => void;
  readonly onEnd: (ended: EndedText) => void;
}

/**
 * Why a text ended: a token of the model's that ends one, a stop string, as many tokens as asked for (or as the model has positions),
 * or whoever asked wants no more.
 */
export type Finish = 'end' | 'stop' | 'length' | 'aborted';

export interface EndedText {
  readonly finish: Finish;
  /** New ones, one that ends the text excepted. */
  readonly tokens: readonly number[];
}

export interface TextOptions {
  readonly tokenizer: Pick<SpanTokenizer, 'decode'>;
  readonly sampling: SamplingOptions;
  readonly seed: number;
  /** Strings that end a text, and are not part of it. */
  readonly stop: readonly string[];
  /** Tokens that end a text. */
  readonly endTokens: readonly number[];
  /** Looked at before every token. */
  readonly signal: AbortSignal;
}

/** Makes all texts that `requests` gives, as many at a time as there are rows. */
export async function generateTexts(
  next: NextTokens,
  requests: AsyncIterable<TextRequest>,
  options: TextOptions,
): Promise<void> {
  const rows = new Array<GrowingText | undefined>(next.rows).fill(undefined);
  const chosen = new Int32Array(next.rows);
  const waiting = new Waiting(requests[Symbol.asyncIterator]());
  const place = async (row: number, text: GrowingText, logits: Float32Array): Promise<void> => {
    const token = await text.take(logits);
    if (token === undefined) {
      rows[row] = undefined;
      next.end(row);
    } else chosen[row] = token;
  };
  try {
    for (;;) {
      for (const row of rows.keys()) {
        while (rows[row] === undefined && !options.signal.aborted) {
          const request = await waiting.take(rows.some((text) => text !== undefined));
          if (request === undefined) break;
          const text = new GrowingText(request, options);
          rows[row] = text;
          const { ids, maxNewTokens } = request;
          await place(row, text, await next.begin(row, ids, ids.length + maxNewTokens - 1));
        }
      }
      if (rows.every((text) => text === undefined)) break;
      const logits = options.signal.aborted ? undefined : await next.next(chosen);
      for (const [row, text] of rows.entries()) {
        if (text === undefined) continue;
        if (logits === undefined) await text.abort();
        const width = (logits?.length ?? 0) / next.rows;
        const own = logits?.subarray(row * width, (row + 1) * width);
        if (own === undefined) rows[row] = undefined;
        else await place(row, text, own);
      }
    }
  } finally {
    for (const row of rows.keys()) next.end(row);
    await waiting.close();
  }
}

/** The next request, without waiting for it while other texts can grow. */
class Waiting {
  readonly #source: AsyncIterator<TextRequest>;
  #asked: Promise<void> | undefined;
  #come: IteratorResult<TextRequest> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #done = false;

  constructor(source: AsyncIterator<TextRequest>) {
    this.#source = source;
  }

  /** @param busy others grow: undefined where none has come yet */
  async take(busy: boolean): Promise<TextRequest | undefined> {
    if (this.#done) return undefined;
    this.#asked ??= this.#source.next().then(
      (come) => void (this.#come = come),
      (error: unknown) => void (this.#failure = { error }),
    );
    // A source that has the next one at hand gives it within this turn of the event loop.
    if (busy) await Promise.race([this.#asked, new Promise((resolve) => setImmediate(resolve))]);
    else await this.#asked;
    if (this.#failure !== undefined) throw this.#failure.error;
    const come = this.#come;
    if (come === undefined) return undefined;
    this.#asked = this.#come = undefined;
    if (come.done !== true) return come.value;
    this.#done = true;
    return undefined;
  }

  async close(): Promise<void> {
    if (!this.#done) await this.#source.return?.();
  }
}

class GrowingText {
  readonly #request: TextRequest;
  readonly #options: TextOptions;
  /** With the prompt's. */
  readonly #said: number[];
  readonly #pieces: PieceDecoder;
  readonly #stops: StopFinder;

  constructor(request: TextRequest, options: TextOptions) {
    this.#request = request;
    this.#options = options;
    this.#said = [...request.ids];
    this.#pieces = new PieceDecoder(options.tokenizer, request.ids);
    this.#stops = createStopFinder(options.stop);
  }

  /** @param logits [V] of what follows @returns the token that follows; undefined where the text has ended */
  async take(logits: Float32Array): Promise<number | undefined> {
    const { sampling, seed, endTokens } = this.#options;
    const { ids, sample, maxNewTokens, onPiece } = this.#request;
    const token = chooseToken(logits, this.#said, sampling, {
      ...{ seed, sample },
      position: this.#said.length,
    });
    if (endTokens.includes(token)) return this.#end('end');
    this.#said.push(token);
    const { text, stopped } = this.#stops.push(await this.#pieces.push(token));
    if (text !== '') onPiece(text);
    if (stopped) return this.#finish('stop');
    if (this.#said.length < ids.length + maxNewTokens) return token;
    return this.#end('length');
  }

  async abort(): Promise<void> {
    await this.#end('aborted');
  }

  /** Gives out what was held back. */
  async #end(finish: Finish): Promise<undefined> {
    const { text, stopped } = this.#stops.push(await this.#pieces.finish());
    const rest = stopped ? text : text + this.#stops.finish();
    if (rest !== '') this.#request.onPiece(rest);
    return this.#finish(stopped ? 'stop' : finish);
  }

  #finish(finish: Finish): undefined {
    const { ids, onEnd } = this.#request;
    assert(this.#said.length >= ids.length, 'a text keeps its prompt');
    onEnd({ finish, tokens: this.#said.slice(ids.length) });
  }
}

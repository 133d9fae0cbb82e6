/** Makes texts with a model: from prompts and options to pieces and answers. */
import { createRandom, purposes } from '@microtune/data';
import { MicrotuneError } from '@microtune/shared';
import type { ChatTemplate } from '@microtune/tasks';
import type { SpanTokenizer } from '@microtune/data';
import type { GenerationConfig } from '../sampling/generation-config.js';
import { resolveGeneration, usualNewTokens, type GenerateOptions } from './generate-options.js';
import { generateTexts, type TextRequest } from './generate-texts.js';
import type { GeneratedText } from './generation.js';
import { NextTokens } from './next-tokens.js';
import { promptTokens, type PromptPlace } from './prompt.js';
import type { TokenGraphs } from './token-graphs.js';

export interface TextMakerParts {
  readonly folder: string;
  readonly tokenizer: SpanTokenizer;
  readonly template: ChatTemplate | undefined;
  readonly config: GenerationConfig;
  readonly graphs: TokenGraphs;
  /** Positions of the model. */
  readonly maxTokens: number;
  /** A prompt that is text is a user's turn unless a caller says otherwise. */
  readonly asChat: boolean;
}

/** A prompt with where it stands, and who hears of its answer. */
export interface Asked {
  readonly prompt: unknown;
  readonly place: PromptPlace;
  readonly onPiece: (text: string) => void;
  readonly onAnswer: (answer: GeneratedText) => void;
  /** What is wrong with the prompt; thrown where nobody hears of it. */
  readonly onError?: (error: MicrotuneError) => void;
}

export class TextMaker {
  readonly #parts: TextMakerParts;

  constructor(parts: TextMakerParts) {
    this.#parts = parts;
  }

  /**
   * @param count of the prompts, where it is known: a lone one computes no row for nobody
   * @throws MicrotuneError `usage` for an option out of its range, and as `promptTokens`
   */
  async make(
    asked: AsyncIterable<Asked>,
    options: GenerateOptions,
    { signal, count = Infinity }: { readonly signal: AbortSignal; readonly count?: number },
  ): Promise<void> {
    const { tokenizer, config, graphs, maxTokens } = this.#parts;
    const { sampling, seed, stop, batchSize, maxNewTokens } = resolveGeneration(options, config);
    const rows = count === 1 ? 1 : batchSize;
    const requests = this.#requests(asked, { asChat: options.asChat, maxNewTokens });
    await generateTexts(new NextTokens({ graphs, rows, maxTokens }), requests, {
      ...{ tokenizer, sampling, seed, stop, signal },
      endTokens: config.endTokens,
    });
  }

  async *#requests(
    asked: AsyncIterable<Asked>,
    options: Pick<GenerateOptions, 'asChat' | 'maxNewTokens'>,
  ): AsyncGenerator<TextRequest> {
    const seen = new Map<string, number>();
    for await (const each of asked) {
      try {
        yield await this.#request(each, options, seen);
      } catch (error) {
        if (!(error instanceof MicrotuneError) || each.onError === undefined) throw error;
        each.onError(error);
      }
    }
  }

  async #request(
    { prompt, place, onPiece, onAnswer }: Asked,
    { asChat = this.#parts.asChat, maxNewTokens }: Pick<GenerateOptions, 'asChat' | 'maxNewTokens'>,
    seen: Map<string, number>,
  ): Promise<TextRequest> {
    const ids = await promptTokens(prompt, { ...this.#parts, asChat }, place);
    let text = '';
    return {
      ids,
      maxNewTokens: this.#room(ids.length, maxNewTokens, place),
      sample: drawsOf(ids, seen),
      onPiece: (piece) => {
        text += piece;
        onPiece(piece);
      },
      onEnd: ({ finish, tokens }) => {
        onAnswer({ text, finish, promptTokens: ids.length, newTokens: tokens.length });
      },
    };
  }

  /** @throws MicrotuneError `usage` for more than the model has positions */
  #room(promptLength: number, asked: number | undefined, { file, line }: PromptPlace): number {
    const { maxTokens } = this.#parts;
    const room = maxTokens - promptLength;
    if (room >= (asked ?? 1)) return asked ?? Math.min(usualNewTokens, room);
    const prompt = `${file}:${line}: the prompt has ${promptLength} tokens`;
    throw new MicrotuneError(
      'usage',
      room < 1
        ? `${prompt}, the model has ${maxTokens} positions, and an answer needs some: shorten the prompt`
        : `${prompt}, and max_new_tokens is ${asked}: the model has ${maxTokens} positions; give --max_new_tokens ${room} or less`,
    );
  }
}

/** The draws of a prompt are its own, wherever it stands; one that comes again has others. */
function drawsOf(ids: readonly number[], seen: Map<string, number>): number {
  const key = ids.join();
  const before = seen.get(key) ?? 0;
  seen.set(key, before + 1);
  return createRandom([purposes.sampling, before, ...ids]).uint32();
}

/** What callers give to be continued -> tokens. */
import type { SpanTokenizer } from '@microtune/data';
import { MicrotuneError } from '@microtune/shared';
import { readConversation, type ChatTemplate, type Message } from '@microtune/tasks';

/** A text, or a conversation whose next turn is the assistant's. */
export type Prompt = string | readonly Message[] | { readonly messages: readonly Message[] };

export interface PromptReader {
  readonly tokenizer: SpanTokenizer;
  /** Of the model folder; undefined where it has none. */
  readonly template: ChatTemplate | undefined;
  /** Texts become a user's turn. */
  readonly asChat: boolean;
  /** The model's folder, for messages. */
  readonly folder: string;
}

/** Where a prompt came from, for errors: the place of it, or a line of a file. */
export interface PromptPlace {
  readonly file: string;
  readonly line: number;
  readonly column: string;
}

/**
 * @throws MicrotuneError `usage` for something that is no prompt, an empty one, or a conversation for a model without a chat template;
 *   `data` for messages out of order, or that the template refuses
 */
export async function promptTokens(
  prompt: unknown,
  reader: PromptReader,
  place: PromptPlace,
): Promise<readonly number[]> {
  const text = textOf(prompt, reader, place);
  const { tokenizer } = reader;
  const [encoded] = await tokenizer.encode([text.written], { addSpecialTokens: !text.isRendered });
  const ids = text.isRendered ? (encoded?.ids ?? []) : opened(encoded?.ids ?? [], tokenizer);
  if (ids.length > 0) return ids;
  throw new MicrotuneError('usage', `${place.file}:${place.line}: the prompt has no token`);
}

function textOf(
  prompt: unknown,
  { template, asChat, folder }: PromptReader,
  place: PromptPlace,
): { readonly written: string; readonly isRendered: boolean } {
  const where = `${place.file}:${place.line}`;
  if (typeof prompt === 'string' && prompt.trim() === '')
    throw new MicrotuneError(
      'usage',
      `${where}: the prompt is empty: there is nothing to continue`,
    );
  if (typeof prompt === 'string' && !asChat) return { written: prompt, isRendered: false };
  const given = messagesOf(prompt);
  if (given === undefined) {
    throw new MicrotuneError(
      'usage',
      `${where}: expected a prompt: a text, or messages such as [{"role": "user", "content": "…"}], got ${JSON.stringify(prompt) ?? 'nothing'}`,
    );
  }
  const messages = readConversation(given, { row: place, column: place.column });
  if (messages.at(-1)?.role === 'assistant') {
    throw new MicrotuneError(
      'usage',
      `${where}: the last message is the assistant's: there is nothing to answer`,
    );
  }
  if (template === undefined) {
    throw new MicrotuneError(
      'usage',
      `${folder} has no chat template, which a conversation needs (chat_template.jinja, or chat_template in tokenizer_config.json): ` +
        'put one there, or give a text as a prompt with --as_chat false',
    );
  }
  return { written: template.render(messages, { addGenerationPrompt: true }), isRendered: true };
}

function messagesOf(prompt: unknown): unknown[] | undefined {
  if (typeof prompt === 'string') return [{ role: 'user', content: prompt }];
  if (Array.isArray(prompt)) return prompt as unknown[];
  if (typeof prompt !== 'object' || prompt === null || !('messages' in prompt)) return undefined;
  return Array.isArray(prompt.messages) ? (prompt.messages as unknown[]) : undefined;
}

/** As texts are in training (`encodeSamples`): one begin token, and without an end token that the tokenizer put there. */
function opened(
  ids: readonly number[],
  { specialTokens: { bos_token: bos, eos_token: eos }, idOf }: SpanTokenizer,
): readonly number[] {
  const [begin, end] = [bos, eos].map((token) => (token === undefined ? undefined : idOf(token)));
  const from = begin !== undefined && ids[0] === begin && ids[1] === begin ? 1 : 0;
  const to = end !== undefined && ids.length > from + 1 && ids.at(-1) === end ? -1 : ids.length;
  return ids.slice(from, to);
}

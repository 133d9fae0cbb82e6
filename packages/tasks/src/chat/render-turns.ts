/**
 * A conversation as the text a model reads, with the places of the assistant's turns in it. A template does not say which of its
 * output is whose, so the places are found by rendering what comes before a turn (with the head of the assistant's turn, as the
 * model is asked later) and what comes up to its end: both must be beginnings of the whole.
 *
 * A turn is what the assistant says and the token that ends it. White space that a template writes behind that token, such as
 * ChatML's newline, belongs to no turn: the model is never asked for it.
 */
import { MicrotuneError } from '@microtune/shared';
import type { ChatTemplate } from './chat-template.js';
import type { Conversation } from './conversation.js';

/** UTF-16 units `[from, to)` of a text. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface RenderedTurns {
  readonly text: string;
  /** Of the assistant, in order. */
  readonly turns: readonly Span[];
  /** Turns after which the template writes no end token: the model does not learn to stop there. */
  readonly openTurns: number;
}

export interface TurnOptions {
  readonly template: ChatTemplate;
  /** The tokenizer's special tokens, one of which ends a turn. */
  readonly controlTokens: readonly string[];
  /** Only turns from this message on. @default 0 */
  readonly fromMessage?: number | undefined;
}

/** @throws MicrotuneError `data` when the template refuses the messages, fails, or cannot be cut so */
export function renderTurns(
  messages: Conversation,
  { template, controlTokens, fromMessage = 0 }: TurnOptions,
): RenderedTurns {
  const text = template.render(messages, { addGenerationPrompt: false });
  const turns: Span[] = [];
  let openTurns = 0;
  for (const [at, { role }] of messages.entries()) {
    if (role !== 'assistant' || at < fromMessage) continue;
    const before = template.render(messages.slice(0, at), { addGenerationPrompt: true });
    const until =
      at === messages.length - 1
        ? text
        : template.render(messages.slice(0, at + 1), { addGenerationPrompt: false });
    const isCut = text.startsWith(before) && text.startsWith(until);
    if (!isCut || until.length <= before.length) throw uncut(at, template);
    const ended = endOfTurn(until, controlTokens);
    if (ended === undefined) openTurns++;
    turns.push({ from: before.length, to: Math.max(before.length, ended ?? until.length) });
  }
  return { text, turns, openTurns };
}

/** Behind the control token that ends the text; undefined when none does. */
function endOfTurn(text: string, controlTokens: readonly string[]): number | undefined {
  const trimmed = text.trimEnd();
  return controlTokens.some((token) => trimmed.endsWith(token.trimEnd()))
    ? trimmed.length
    : undefined;
}

function uncut(at: number, { origin }: ChatTemplate): MicrotuneError {
  return new MicrotuneError(
    'data',
    `message ${at + 1}: ${origin} writes the messages before this turn otherwise when it follows, so which tokens are the ` +
      "assistant's cannot be told; end the conversation with its first answer, or count every token (--loss_on all)",
  );
}

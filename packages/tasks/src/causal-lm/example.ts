/** One row as a text and the parts of it that are learned. */
import { dataError, type Row } from '@microtune/data';
import { MicrotuneError } from '@microtune/shared';
import type { ChatTemplate } from '../chat/chat-template.js';
import { readConversation, type Conversation } from '../chat/conversation.js';
import { renderTurns, type Span } from '../chat/render-turns.js';
import type { DataForm } from './data-form.js';

/** Whose tokens carry loss: the completions and assistant turns, or every one. */
export type LossOn = 'completion' | 'all';

export interface Example {
  readonly text: string;
  /** What is learned of it; undefined: all. */
  readonly learned: readonly Span[] | undefined;
  /** A chat template writes begin and end tokens itself: the tokenizer must add none, or there are two. */
  readonly isRendered: boolean;
  /** Assistant turns without an end token. */
  readonly openTurns: number;
}

export interface ExampleOptions {
  readonly form: DataForm;
  readonly lossOn: LossOn;
  /** Of the model folder; undefined where it has none. */
  readonly template: ChatTemplate | undefined;
  readonly controlTokens: readonly string[];
}

/** @throws MicrotuneError `data` naming file and row for anything that cannot be learned from */
export function readExample(row: Row, options: ExampleOptions): Example {
  const { form } = options;
  switch (form.kind) {
    case 'text':
      return {
        text: textOf(row, form.column),
        learned: undefined,
        isRendered: false,
        openTurns: 0,
      };
    case 'chat': {
      const messages = readConversation(valueOf(row, form.column), { row, column: form.column });
      return rendered(row, messages, options);
    }
    case 'completion':
      return form.asChat || Array.isArray(row.values[form.prompt])
        ? rendered(row, conversationOf(row, form), options)
        : continued(row, form, options.lossOn);
  }
}

type CompletionForm = DataForm & { readonly kind: 'completion' };

function continued(row: Row, form: CompletionForm, lossOn: LossOn): Example {
  const prompt = textOf(row, form.prompt);
  const completion = textOf(row, form.completion);
  if (completion === '') throw emptyCompletion(row, form);
  const text = prompt + completion;
  const learned = lossOn === 'all' ? undefined : [{ from: prompt.length, to: text.length }];
  return { text, learned, isRendered: false, openTurns: 0 };
}

/** Texts become the two turns of a conversation; lists of messages are put one behind the other. */
function conversationOf(row: Row, form: CompletionForm): Conversation {
  const place = { row, column: form.completion };
  const [prompt, completion] = [row.values[form.prompt], row.values[form.completion]];
  if (Array.isArray(prompt) && Array.isArray(completion))
    return readConversation([...(prompt as unknown[]), ...(completion as unknown[])], place);
  const answer = textOf(row, form.completion);
  if (answer.trim() === '') throw emptyCompletion(row, form);
  return readConversation(
    [
      { role: 'user', content: textOf(row, form.prompt) },
      { role: 'assistant', content: answer },
    ],
    place,
  );
}

function rendered(row: Row, messages: Conversation, options: ExampleOptions): Example {
  const { template, controlTokens, lossOn, form } = options;
  if (template === undefined) {
    throw dataError(
      row.file,
      row.line,
      'a conversation needs a chat template, and the model folder has none: expected chat_template.jinja, or chat_template in ' +
        'tokenizer_config.json; put one there, or give prompts and completions without --as_chat',
    );
  }
  try {
    if (lossOn === 'all') {
      const text = template.render(messages, { addGenerationPrompt: false });
      return { text, learned: undefined, isRendered: true, openTurns: 0 };
    }
    const fromMessage = form.kind === 'completion' ? promptMessages(row, form) : 0;
    const { text, turns, openTurns } = renderTurns(messages, {
      template,
      controlTokens,
      fromMessage,
    });
    return { text, learned: turns, isRendered: true, openTurns };
  } catch (cause) {
    if (cause instanceof MicrotuneError && cause.code === 'data')
      throw dataError(row.file, row.line, cause.message, cause);
    throw cause;
  }
}

/** Assistant turns of a prompt that is a conversation are given, not learned. */
function promptMessages(row: Row, form: CompletionForm): number {
  const prompt = row.values[form.prompt];
  return Array.isArray(prompt) ? prompt.length : 0;
}

function emptyCompletion(row: Row, { completion }: CompletionForm): MicrotuneError {
  return dataError(
    row.file,
    row.line,
    `column ${JSON.stringify(completion)}: the completion is empty; drop the row`,
  );
}

function valueOf(row: Row, column: string): unknown {
  if (Object.hasOwn(row.values, column)) return row.values[column];
  const found = Object.keys(row.values)
    .map((name) => JSON.stringify(name))
    .join(', ');
  throw dataError(
    row.file,
    row.line,
    `no column ${JSON.stringify(column)}; this row has ${found === '' ? 'none' : found}`,
  );
}

function textOf(row: Row, column: string): string {
  const value = valueOf(row, column);
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  const found = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value;
  throw dataError(
    row.file,
    row.line,
    `column ${JSON.stringify(column)} should be text, found ${found}`,
  );
}

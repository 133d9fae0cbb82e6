/**
 * What the rows of a file are to a language model, told from the names of their columns or by options: documents, prompts with
 * completions, or conversations. Where names leave a choice nothing is guessed.
 */
import { columnsOf, dataError, listed, type Row } from '@microtune/data';
import { MicrotuneError } from '@microtune/shared';

export type DataForm =
  | { readonly kind: 'text'; readonly column: string }
  | {
      readonly kind: 'completion';
      readonly prompt: string;
      readonly completion: string;
      /** The prompt becomes a user turn, the completion the assistant's. */
      readonly asChat: boolean;
    }
  | { readonly kind: 'chat'; readonly column: string };

/** Columns as options name them; what is not named goes by the usual names. */
export interface FormOptions {
  readonly textColumnNames?: readonly string[] | undefined;
  readonly promptColumn?: string | undefined;
  readonly completionColumn?: string | undefined;
  readonly messagesColumn?: string | undefined;
  /** @default false */
  readonly asChat?: boolean | undefined;
}

const usualMessages = ['messages', 'conversations'] as const;

/**
 * @param row the first of the file
 * @throws MicrotuneError `data` naming the columns there are when a named one is missing, or when none or several forms fit;
 *   `usage` for options that contradict each other
 */
export function findDataForm(row: Row, options: FormOptions): DataForm {
  const available = columnsOf(row);
  const form = namedForm(options) ?? usualForm(available, options, row.file);
  for (const column of columnsOfForm(form)) {
    if (available.includes(column)) continue;
    throw dataError(
      row.file,
      undefined,
      `no column ${JSON.stringify(column)}; the file has ${listed(available)} (choose with ${optionsOf[form.kind]}; ` +
        'a csv or tsv file without a header line needs --column_names)',
    );
  }
  if (options.asChat === true && form.kind === 'text') {
    throw new MicrotuneError(
      'usage',
      `as_chat makes conversations of prompts and completions; ${row.file} is read as ${formText(form)}`,
    );
  }
  return form;
}

const optionsOf: Readonly<Record<DataForm['kind'], string>> = {
  text: '--text_column_names',
  completion: '--prompt_column and --completion_column',
  chat: '--messages_column',
};

function namedForm({
  textColumnNames = [],
  promptColumn,
  completionColumn,
  messagesColumn,
  asChat = false,
}: FormOptions): DataForm | undefined {
  const isCompletion = promptColumn !== undefined || completionColumn !== undefined;
  const named = [
    ...(textColumnNames.length > 0 ? [optionsOf.text] : []),
    ...(isCompletion ? [optionsOf.completion] : []),
    ...(messagesColumn === undefined ? [] : [optionsOf.chat]),
  ];
  if (named.length > 1)
    throw new MicrotuneError('usage', `${named.join(' and ')} exclude each other: give one form`);
  const [column, second] = textColumnNames;
  if (second !== undefined) {
    throw new MicrotuneError(
      'usage',
      `text_column_names: a language model reads one text a row, got ${textColumnNames.length}; ` +
        'for a prompt and its completion give --prompt_column and --completion_column',
    );
  }
  if (column !== undefined) return { kind: 'text', column };
  if (messagesColumn !== undefined) return { kind: 'chat', column: messagesColumn };
  if (!isCompletion) return undefined;
  return {
    kind: 'completion',
    prompt: promptColumn ?? 'prompt',
    completion: completionColumn ?? 'completion',
    asChat,
  };
}

function usualForm(
  available: readonly string[],
  { asChat = false }: FormOptions,
  file: string,
): DataForm {
  const has = (name: string): boolean => available.includes(name);
  const fitting: DataForm[] = usualMessages
    .filter(has)
    .map((column): DataForm => ({ kind: 'chat', column }));
  if (has('prompt') && has('completion'))
    fitting.push({ kind: 'completion', prompt: 'prompt', completion: 'completion', asChat });
  if (has('text')) fitting.push({ kind: 'text', column: 'text' });
  const [form, ...others] = fitting;
  if (form !== undefined && others.length === 0) return form;
  const what =
    form === undefined
      ? `no column tells what the rows are; expected text, prompt and completion, or messages, found ${listed(available)}`
      : `the rows can be read as ${fitting.map(formText).join(', or as ')}`;
  throw dataError(
    file,
    undefined,
    `${what}; choose with --text_column_names, with --prompt_column and --completion_column, or with --messages_column`,
  );
}

/** The columns that a row is read from. */
export const columnsOfForm = (form: DataForm): string[] =>
  form.kind === 'completion' ? [form.prompt, form.completion] : [form.column];

/** e.g. `conversations in "messages"`. */
export function formText(form: DataForm): string {
  switch (form.kind) {
    case 'text':
      return `documents in ${JSON.stringify(form.column)}`;
    case 'chat':
      return `conversations in ${JSON.stringify(form.column)}`;
    case 'completion': {
      const columns = `${JSON.stringify(form.prompt)} and ${JSON.stringify(form.completion)}`;
      return form.asChat
        ? `conversations of one question and answer in ${columns}`
        : `prompts and completions in ${columns}`;
    }
  }
}

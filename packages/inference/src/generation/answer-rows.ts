/** Rows in, answers out in the order of the rows: made as many at a time as the model has rows, given when all before are given. */
import type { OpenedRow } from '@microtune/data';
import { messageOf } from '@microtune/shared';
import { idOf } from '../row-id.js';
import type { GeneratedText } from './generation.js';
import type { Asked } from './text-maker.js';

/** What is said to a row: a text, or why there is none. */
export type RowText = {
  /** Where the row is in its source, from 1. */
  readonly line: number;
  /** Its column `id`, where it has one. */
  readonly id?: string | number;
} & ((GeneratedText & { readonly error?: undefined }) | { readonly error: string });

export interface AnswerRowsOptions {
  /** Of the source, for messages. */
  readonly name: string;
  /** Names of columns, the first that a row has counts; messages before prompts. */
  readonly columns: {
    readonly prompts: readonly (string | undefined)[];
    readonly messages: readonly (string | undefined)[];
  };
  readonly words: (text: string) => string;
  /** Makes all answers. */
  readonly make: (asked: AsyncIterable<Asked>, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal | undefined;
}

export async function* answerRows(
  groups: AsyncIterable<readonly OpenedRow[]>,
  options: AnswerRowsOptions,
): AsyncGenerator<RowText> {
  const { make, signal } = options;
  const leave = new AbortController();
  const answers = new InOrder<RowText>();
  const stop = AbortSignal.any([leave.signal, ...(signal === undefined ? [] : [signal])]);
  const made = make(askedRows(groups, answers, options), stop).then(
    () => {
      answers.end();
    },
    (error: unknown) => {
      answers.end(error);
    },
  );
  try {
    yield* answers.all();
  } finally {
    leave.abort();
    await made;
  }
}

async function* askedRows(
  groups: AsyncIterable<readonly OpenedRow[]>,
  answers: InOrder<RowText>,
  options: AnswerRowsOptions,
): AsyncGenerator<Asked> {
  const { name, words } = options;
  for await (const rows of groups) {
    for (const { line, values, error } of rows) {
      const give = answers.place();
      const place = { line, ...idOf(values) };
      const fail = (reason: string): void => {
        give({ ...place, error: words(reason) });
      };
      if (values === undefined) {
        fail(error ?? 'cannot be read');
        continue;
      }
      const found = promptOf(values, options);
      if (found === undefined) {
        const has = Object.keys(values).join(', ');
        fail(`${name}:${line}: expected a column prompt, text or messages, found ${has}`);
        continue;
      }
      yield {
        prompt: found.prompt,
        place: { file: name, line, column: found.column },
        onPiece: () => undefined,
        onAnswer: (answer) => {
          give({ ...place, ...answer });
        },
        onError: (reason) => {
          fail(messageOf(reason));
        },
      };
    }
  }
}

function promptOf(
  values: Readonly<Record<string, unknown>>,
  { columns }: AnswerRowsOptions,
): { readonly prompt: unknown; readonly column: string } | undefined {
  const firstOf = (names: readonly (string | undefined)[]): string | undefined =>
    names.find((column) => column !== undefined && Object.hasOwn(values, column));
  const column = firstOf(columns.messages) ?? firstOf(columns.prompts);
  return column === undefined ? undefined : { prompt: values[column], column };
}

/** Values that come in any order, given in that of their places. */
class InOrder<Value> {
  readonly #come: (Value | undefined)[] = [];
  #next = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake = (): void => undefined;

  /** @returns fills the place */
  place(): (value: Value) => void {
    const at = this.#come.push(undefined) - 1;
    return (value) => {
      this.#come[at] = value;
      this.#wake();
    };
  }

  end(error?: unknown): void {
    this.#ended = true;
    if (error !== undefined) this.#failure = { error };
    this.#wake();
  }

  async *all(): AsyncGenerator<Value> {
    for (;;) {
      const value = this.#come[this.#next];
      if (value !== undefined) {
        this.#come[this.#next++] = undefined;
        yield value;
      } else if (this.#ended) break;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

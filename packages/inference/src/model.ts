/** A trained model that answers: texts in, predictions out, in this process. */
import {
  openDataset,
  openRows,
  planEvaluation,
  tokenizeTexts,
  type OpenedRow,
  type RowSource,
  type TextTokenizer,
  type Texts,
} from '@microtune/data';
import type { EngineName, Precision } from '@microtune/engine';
import type { LabelModel } from './label-model.js';
import {
  MicrotuneError,
  labelCount,
  labelsOf,
  problemTypeOf,
  reworded,
  type ProblemType,
} from '@microtune/shared';
import { gatherLogits, labelTask, type MetricsWithLoss } from '@microtune/tasks';
import type { Figures, ForwardRunner } from './forward-runner.js';
import { createInTurn } from './in-turn.js';
import { createAnswerPlanner, type AnswerPlanner } from './plan-answers.js';
import { predictionOf, type Prediction } from './prediction.js';
import { oneAhead, readAhead } from './read-ahead.js';
import { idOf } from './row-id.js';
import type { RunSettings } from './run-settings.js';
import { problemOf, textsOfInputs, type TakesPairs, type TextInput } from './text-input.js';

export interface ModelParts {
  /** As the caller named it. */
  readonly folder: string;
  readonly model: LabelModel;
  readonly runner: ForwardRunner;
  readonly tokenizer: TextTokenizer;
  /** Where its files are: of an adapter that PEFT wrote, with the base model. */
  readonly tokenizerFolder: string;
  readonly settings: RunSettings;
  /** Tokens per row at most. */
  readonly maxSeqLength: number;
  readonly engine: ModelEngine;
  readonly cacheFolder: string;
  /** Of errors and notes for whoever calls. */
  readonly words: (text: string) => string;
}

export interface ModelEngine {
  readonly name: EngineName;
  /** Of the library underneath. */
  readonly version: string;
  /** What it computes on, e.g. the CPU's name. */
  readonly device: string;
  readonly precision: Precision;
}

/** Columns are those of training unless given. */
export interface EvaluateOptions {
  /** Names of the columns of a csv or tsv file without a header line. */
  readonly columnNames?: readonly string[] | undefined;
  /** The column of the text, or the two of a pair. */
  readonly textColumnNames?: readonly string[] | undefined;
  readonly labelColumnName?: string | undefined;
  /** Use only the first rows. */
  readonly maxSamples?: number | undefined;
  /** Hears what the user should know of the data. */
  readonly onNote?: ((note: string) => void) | undefined;
}

export interface PredictRowsOptions extends Pick<
  EvaluateOptions,
  'columnNames' | 'textColumnNames' | 'onNote'
> {
  /** Rows answered together at most. @default 2048 */
  readonly maxGroupRows?: number | undefined;
}

/** What is said about a row: an answer, or why there is none. */
export type RowAnswer = {
  /** Where the row is in its source, from 1: the line, or the row of a parquet file. */
  readonly line: number;
  /** Its column `id`, where it has one. */
  readonly id?: string | number;
} & ((Prediction & { readonly error?: undefined }) | { readonly error: string });

/** Metrics by name: `accuracy`, `f1_macro`, … of a classifier; `mse`, `pearson`, `spearmanr` of a regression model. */
export type Evaluation = MetricsWithLoss & {
  /** Rows of the files. */
  readonly samples: number;
};

/** Answers one call after the other, whoever asks; made by `openModel`. */
export class Model implements AsyncDisposable {
  readonly kind = 'labels';
  /** The names of the classes by id; empty for a regression model. */
  readonly labels: readonly string[];
  readonly problemType: ProblemType;
  /** Tokens per row at most; longer texts are cut. */
  readonly maxSeqLength: number;
  /** What computes. */
  readonly engine: ModelEngine;
  readonly #parts: ModelParts;
  readonly #inTurn = createInTurn();
  readonly #plan: AnswerPlanner;
  #closing: Promise<void> | undefined;

  constructor(parts: ModelParts) {
    const { task } = parts.model;
    this.labels = labelsOf(task);
    this.problemType = problemTypeOf(task);
    this.maxSeqLength = parts.maxSeqLength;
    this.engine = parts.engine;
    this.#parts = parts;
    this.#plan = createAnswerPlanner(parts.maxSeqLength);
  }

  /**
   * @returns one answer per text, in their order
   * @throws MicrotuneError `usage` for a text that is none, is empty, or is not what the model was trained on (pairs or
   *   single texts), and when the model is closed
   */
  async predict(texts: readonly TextInput[]): Promise<Prediction[]> {
    this.#requireOpen();
    const checked = textsOfInputs(texts, this.#takesPairs);
    const answers: Prediction[] = [];
    const groups = this.#answer(slicesOf(checked, defaultGroupRows));
    for await (const group of this.#worded(groups))
      for (const { answer } of group) if (answer !== undefined) answers.push(answer);
    return answers;
  }

  /**
   * The rows of a file or stream: an answer for each, in their order, or why there is none. Rows that come slowly are
   * answered as they come, others in groups; the next group is read and tokenized while one is computed.
   * @throws MicrotuneError as openRows; `usage` when the model is closed
   * @example for await (const answers of model.predictRows({ file: 'reviews.jsonl' })) console.log(answers);
   */
  async *predictRows(
    source: RowSource,
    options: PredictRowsOptions = {},
  ): AsyncGenerator<RowAnswer[]> {
    this.#requireOpen();
    const { settings, words } = this.#parts;
    const { onNote } = options;
    const rows = openRows(source, {
      columns: {
        // The header of a file that is classified is its own business; names of training help where it has none.
        columnNames: (options.columnNames ?? settings.columnNames)?.slice(),
        textColumnNames: (options.textColumnNames ?? settings.textColumnNames)?.slice(),
        labelColumnName: settings.labelColumnName,
      },
      ...(onNote === undefined ? {} : { onGuess: (note) => onNote(words(note)) }),
    });
    const groups = readAhead(rows, options.maxGroupRows ?? defaultGroupRows);
    const answered = this.#answer(checkedRows(groups, this.#takesPairs));
    for await (const group of this.#worded(answered))
      yield group.map((row) => rowAnswer(row, words));
  }

  /**
   * Metrics on labelled files, as training computes them.
   * @throws MicrotuneError `data` for files or labels that do not fit, naming file and line; `usage` when the model is closed
   */
  async evaluate(
    files: string | readonly string[],
    options: EvaluateOptions = {},
  ): Promise<Evaluation> {
    this.#requireOpen();
    try {
      return await this.#inTurn(() => this.#evaluate([files].flat(), options));
    } catch (error) {
      throw reworded(error, this.#parts.words);
    }
  }

  /** What was computed so far, e.g. to see how much of it was padding. */
  get figures(): Figures {
    return this.#parts.runner.figures;
  }

  /** Waits for calls under way, then frees everything. A second call does nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#inTurn(() => this.#parts.runner.close());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #takesPairs(): TakesPairs {
    const { textColumnNames } = this.#parts.settings;
    return textColumnNames === undefined ? undefined : textColumnNames.length === 2;
  }

  #requireOpen(): void {
    if (this.#closing === undefined) return;
    throw new MicrotuneError(
      'usage',
      `the model of ${this.#parts.folder} is closed: load it again`,
    );
  }

  async *#worded<Answers>(groups: AsyncIterable<Answers>): AsyncGenerator<Answers> {
    try {
      yield* groups;
    } catch (error) {
      throw reworded(error, this.#parts.words);
    }
  }

  /** Tokenizes the next group while one is computed. */
  async *#answer<Question extends { readonly texts: Texts | undefined }>(
    groups: AsyncIterable<readonly Question[]> | Iterable<readonly Question[]>,
  ): AsyncGenerator<(Question & { readonly answer: Prediction | undefined })[]> {
    const { runner, tokenizer, model } = this.#parts;
    const width = labelCount(model.task);
    const { digest } = labelTask(model.task, { labelSmoothing: 0 });
    const tokenized = async function* () {
      for await (const questions of groups) {
        const texts = questions.flatMap((question) => question.texts ?? []);
        yield { questions, tokens: await tokenizeTexts(tokenizer, texts) };
      }
    };
    for await (const { questions, tokens } of oneAhead(tokenized())) {
      const evaluated = await this.#inTurn(() =>
        runner.run(tokens, this.#plan(tokens.lengths), digest),
      );
      const logits = gatherLogits(evaluated, { size: tokens.size, width }); // [samples, labels]
      let from = 0;
      yield questions.map((question) => {
        if (question.texts === undefined) return { ...question, answer: undefined };
        const own = logits.subarray(from, (from += width));
        return { ...question, answer: predictionOf(own, model.task) };
      });
    }
  }

  async #evaluate(files: readonly string[], options: EvaluateOptions): Promise<Evaluation> {
    const { settings, tokenizerFolder, cacheFolder, runner, model, words } = this.#parts;
    const { onNote } = options;
    const { maxSeqLength } = this;
    const dataset = await openDataset({
      files,
      columns: {
        columnNames: (options.columnNames ?? settings.columnNames)?.slice(),
        textColumnNames: (options.textColumnNames ?? settings.textColumnNames)?.slice(),
        labelColumnName: options.labelColumnName ?? settings.labelColumnName,
      },
      tokenizerFolder,
      maxSeqLength,
      cacheFolder,
      task: model.task,
      maxSamples: options.maxSamples,
      ...(onNote === undefined ? {} : { onNote: (note) => onNote(words(note)) }),
    });
    if (dataset.size === 0) throw new MicrotuneError('data', `${files.join(', ')}: no rows`);
    const { microBatchTokens, labelSmoothing } = settings;
    const shards = planEvaluation(dataset, { microBatchTokens, maxSeqLength }, cacheFolder);
    const task = labelTask(model.task, { labelSmoothing });
    const evaluated = await runner.run(dataset, shards, task.digest);
    return { ...task.score(evaluated, dataset), samples: dataset.size };
  }
}

/** Texts tokenized and packed together at most. */
const defaultGroupRows = 2048;

function* slicesOf(texts: readonly Texts[], size: number): Generator<{ readonly texts: Texts }[]> {
  for (let from = 0; from < texts.length; from += size)
    yield texts.slice(from, from + size).map((each) => ({ texts: each }));
}

/** Rows that the model cannot answer have their reason beside them. */
async function* checkedRows(
  groups: AsyncIterable<readonly OpenedRow[]>,
  takesPairs: TakesPairs,
): AsyncGenerator<OpenedRow[]> {
  for await (const rows of groups) {
    yield rows.map((row) => {
      const problem = row.texts === undefined ? undefined : problemOf(row.texts, takesPairs);
      return problem === undefined
        ? row
        : { ...row, texts: undefined, error: `the row ${problem}` };
    });
  }
}

function rowAnswer(
  { line, error, values, answer }: OpenedRow & { readonly answer: Prediction | undefined },
  words: ModelParts['words'],
): RowAnswer {
  const place = { line, ...idOf(values) };
  return answer === undefined
    ? { ...place, error: words(error ?? 'cannot be read') }
    : { ...place, ...answer };
}

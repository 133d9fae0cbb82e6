/** A trained model that answers: texts in, predictions out, in this process. */
import {
  computeMetrics,
  cutShards,
  openDataset,
  openRows,
  planEvaluation,
  tokenizeTexts,
  unpacked,
  type LabelMapping,
  type MetricsWithLoss,
  type RowSource,
  type TextTokenizer,
  type Texts,
} from '@microtune/data';
import type { EngineName, Precision } from '@microtune/engine';
import type { LoadedModel } from '@microtune/models';
import { MicrotuneError, type ShardShape } from '@microtune/shared';
import type { ForwardRunner } from './forward-runner.js';
import { createInTurn } from './in-turn.js';
import { predictionOf, type Prediction } from './prediction.js';
import type { RunSettings } from './run-settings.js';
import { textsOfInputs, type TakesPairs, type TextInput } from './text-input.js';

export interface ModelParts {
  /** As the caller named it. */
  readonly folder: string;
  readonly model: LoadedModel;
  readonly runner: ForwardRunner;
  readonly tokenizer: TextTokenizer;
  readonly settings: RunSettings;
  /** Tokens per row at most. */
  readonly maxSeqLength: number;
  readonly engine: ModelEngine;
  readonly cacheFolder: string;
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
  /** Rows answered together at most. @default 256 */
  readonly maxGroupRows?: number | undefined;
}

/** What is said about a row of a file: an answer, or why there is none. */
export type RowAnswer = { readonly line: number } & (Prediction | { readonly error: string });

/** Metrics by name: `accuracy`, `f1_macro`, … of a classifier; `mse`, `pearson`, `spearmanr` of a regression model. */
export type Evaluation = MetricsWithLoss & {
  /** Rows of the files. */
  readonly samples: number;
};

/** Answers one call after the other, whoever asks; made by `openModel`. */
export class Model implements AsyncDisposable {
  /** The names of the classes by id; empty for a regression model. */
  readonly labels: readonly string[];
  readonly problemType: LabelMapping['problemType'];
  /** Tokens per row at most; longer texts are cut. */
  readonly maxSeqLength: number;
  /** What computes. */
  readonly engine: ModelEngine;
  readonly #parts: ModelParts;
  readonly #inTurn = createInTurn();
  #closing: Promise<void> | undefined;

  constructor(parts: ModelParts) {
    const { problemType, labels } = parts.model.task;
    this.labels = problemType === 'regression' ? [] : labels;
    this.problemType = problemType;
    this.maxSeqLength = parts.maxSeqLength;
    this.engine = parts.engine;
    this.#parts = parts;
  }

  /**
   * @returns one answer per text, in their order
   * @throws MicrotuneError `usage` for a text that is none, is empty, or is not what the model was trained on (pairs or
   *   single texts), and when the model is closed
   */
  async predict(texts: readonly TextInput[]): Promise<Prediction[]> {
    this.#requireOpen();
    const checked = textsOfInputs(texts, this.#takesPairs);
    return this.#inTurn(() => this.#answer(checked));
  }

  /**
   * The rows of a file or stream, in groups as they come: an answer for each, in order, or why there is none.
   * @throws MicrotuneError as openRows; `usage` when the model is closed
   */
  async *predictRows(
    source: RowSource,
    options: PredictRowsOptions = {},
  ): AsyncGenerator<RowAnswer[]> {
    this.#requireOpen();
    const { settings } = this.#parts;
    const groups = openRows(source, {
      columns: {
        // The header of a file that is classified is its own business; names of training help where it has none.
        columnNames: (options.columnNames ?? settings.columnNames)?.slice(),
        textColumnNames: (options.textColumnNames ?? settings.textColumnNames)?.slice(),
        labelColumnName: settings.labelColumnName,
      },
      ...(options.maxGroupRows === undefined ? {} : { maxGroupRows: options.maxGroupRows }),
      ...(options.onNote === undefined ? {} : { onGuess: options.onNote }),
    });
    for await (const rows of groups) {
      const good = rows.flatMap(({ texts }) => texts ?? []);
      const answers = (await this.#inTurn(() => this.#answer(good))).values();
      yield rows.map(({ line, texts, error }) => {
        const answer = texts === undefined ? undefined : answers.next().value;
        return answer === undefined
          ? { line, error: error ?? 'cannot be read' }
          : { line, ...answer };
      });
    }
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
    return this.#inTurn(() => this.#evaluate([files].flat(), options));
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

  async #answer(texts: readonly Texts[]): Promise<Prediction[]> {
    const { runner, tokenizer } = this.#parts;
    const tokens = await tokenizeTexts(tokenizer, texts);
    const samples = Int32Array.from({ length: tokens.size }, (_, sample) => sample);
    const shapes = shapesUpTo(this.maxSeqLength);
    const shards = cutShards({ samples, lengths: tokens.lengths, shapes, packing: unpacked });
    const logits = await runner.logits(tokens, shards); // [samples, numLabels]
    const { numLabels } = this.#parts.model.program;
    return texts.map((_, sample) =>
      predictionOf(logits.subarray(sample * numLabels, (sample + 1) * numLabels), this.labels),
    );
  }

  async #evaluate(files: readonly string[], options: EvaluateOptions): Promise<Evaluation> {
    const { settings, folder, cacheFolder, runner, model } = this.#parts;
    const { maxSeqLength, problemType, labels } = this;
    const dataset = await openDataset({
      files,
      columns: {
        columnNames: (options.columnNames ?? settings.columnNames)?.slice(),
        textColumnNames: (options.textColumnNames ?? settings.textColumnNames)?.slice(),
        labelColumnName: options.labelColumnName ?? settings.labelColumnName,
      },
      tokenizerFolder: folder,
      maxSeqLength,
      cacheFolder,
      mapping: { problemType, labels },
      maxSamples: options.maxSamples,
      ...(options.onNote === undefined ? {} : { onNote: options.onNote }),
    });
    if (dataset.size === 0) throw new MicrotuneError('data', `${files.join(', ')}: no rows`);
    const { microBatchTokens, labelSmoothing } = settings;
    const shards = planEvaluation(dataset.lengths, { microBatchTokens, maxSeqLength });
    const logits = await runner.logits(dataset, shards);
    const predictions = { numLabels: model.program.numLabels, logits, labels: dataset.labels };
    const metrics = computeMetrics(predictions, { problemType, labelSmoothing });
    return { ...metrics, samples: dataset.size };
  }
}

/** Padded tokens per run of the graph. */
const shardTokens = 512;
/** Tokens per row to pad to; beyond, as long as the model takes. */
const paddedLengths = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];

/** Few shapes, fixed beforehand, because each is compiled: when its first row comes. */
function shapesUpTo(maxSeqLength: number): ShardShape[] {
  const lengths = [...paddedLengths.filter((tokens) => tokens < maxSeqLength), maxSeqLength];
  return lengths.map((tokens) => ({
    rows: Math.max(1, Math.floor(shardTokens / tokens)),
    tokens,
    samplesPerRow: 1,
  }));
}

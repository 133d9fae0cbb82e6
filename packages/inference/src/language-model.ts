/** A trained language model, in this process: its loss on files, and texts of its own. */
import { planEvaluation, type SpanTokenizer } from '@microtune/data';
import type { LoadedModel } from '@microtune/models';
import { MicrotuneError, reworded } from '@microtune/shared';
import { openCausalFile, type FormOptions, type MetricsWithLoss } from '@microtune/tasks';
import type { Figures, ForwardRunner } from './forward-runner.js';
import { createInTurn } from './in-turn.js';
import type { ModelEngine } from './model.js';
import type { LanguageSettings, RunSettings } from './run-settings.js';

export interface LanguageModelParts {
  /** As the caller named it. */
  readonly folder: string;
  readonly model: LoadedModel;
  readonly runner: ForwardRunner;
  readonly tokenizer: SpanTokenizer;
  /** Where tokenizer, chat template and generation_config.json are. */
  readonly tokenizerFolder: string;
  readonly settings: RunSettings;
  /** Tokens of a sample that is evaluated at most. */
  readonly maxSeqLength: number;
  readonly engine: ModelEngine;
  readonly cacheFolder: string;
  /** Of errors and notes for whoever calls. */
  readonly words: (text: string) => string;
}

/** What rows are and what counts of them: as in training unless given. */
export interface EvaluateTextsOptions extends FormOptions, LanguageSettings {
  /** Names of the columns of a csv or tsv file without a header line. */
  readonly columnNames?: readonly string[] | undefined;
  /** Use only the first rows. */
  readonly maxSamples?: number | undefined;
  /** Hears what the user should know of the data. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/** `loss` (the mean over the counted tokens), `perplexity` and `accuracy` (of the tokens). */
export type TextEvaluation = MetricsWithLoss & {
  /** Rows of the files. */
  readonly samples: number;
  /** Tokens whose prediction was counted. */
  readonly tokens: number;
};

/** Answers one call after the other, whoever asks; made by `openModel`. */
export class LanguageModel implements AsyncDisposable {
  readonly kind = 'language';
  /** Tokens of a sample that is evaluated at most; longer ones are cut. */
  readonly maxSeqLength: number;
  /** What computes. */
  readonly engine: ModelEngine;
  readonly #parts: LanguageModelParts;
  readonly #inTurn = createInTurn();
  #closing: Promise<void> | undefined;

  constructor(parts: LanguageModelParts) {
    this.maxSeqLength = parts.maxSeqLength;
    this.engine = parts.engine;
    this.#parts = parts;
  }

  /**
   * Loss on files, as training computes it.
   * @throws MicrotuneError `data` for files that do not fit, naming file and line; `usage` for options that contradict each
   *   other, and when the model is closed
   */
  async evaluate(
    files: string | readonly string[],
    options: EvaluateTextsOptions = {},
  ): Promise<TextEvaluation> {
    this.#requireOpen();
    try {
      return await this.#inTurn(() => this.#evaluate([files].flat(), options));
    } catch (error) {
      throw reworded(error, this.#parts.words);
    }
  }

  /** What was computed so far. */
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

  #requireOpen(): void {
    if (this.#closing === undefined) return;
    throw new MicrotuneError(
      'usage',
      `the model of ${this.#parts.folder} is closed: load it again`,
    );
  }

  async #evaluate(
    files: readonly string[],
    { maxSamples, onNote, ...own }: EvaluateTextsOptions,
  ): Promise<TextEvaluation> {
    const { settings, tokenizerFolder, cacheFolder, runner, words } = this.#parts;
    const asked = { ...dataOptions(settings, own), maxRows: maxSamples };
    const { split, rows, targetTokens, maxSeqLength, digest, notes } = await openCausalFile(
      files,
      { ...asked, maxSeqLength: this.maxSeqLength },
      { tokenizerFolder, cacheFolder },
    );
    for (const note of notes) onNote?.(words(note));
    const { microBatchTokens } = settings;
    const shards = planEvaluation(split, { microBatchTokens, maxSeqLength });
    const evaluated = await runner.evaluate(split, shards, digest);
    return { ...split.score(evaluated), samples: rows, tokens: targetTokens };
  }
}

type DataOptions = FormOptions & LanguageSettings & Pick<EvaluateTextsOptions, 'columnNames'>;

/** Whoever names a column says what rows are, whatever it was in training. */
function dataOptions(
  { columnNames, textColumnNames, language }: RunSettings,
  own: DataOptions,
): DataOptions {
  const { promptColumn, completionColumn, messagesColumn, ...others } = language;
  const asTrained = { textColumnNames, promptColumn, completionColumn, messagesColumn };
  const namesColumns = Object.keys(asTrained).some(
    (name) => own[name as keyof typeof asTrained] !== undefined,
  );
  const given = Object.fromEntries(
    Object.entries(own).filter(([, value]) => value !== undefined),
  ) as DataOptions;
  return { columnNames, ...others, ...(namesColumns ? {} : asTrained), ...given };
}

/** A trained language model, in this process: its loss on files, and texts of its own. */
import { openRows, planEvaluation, type RowSource, type SpanTokenizer } from '@microtune/data';
import type { LoadedModel } from '@microtune/models';
import { MicrotuneError, reworded } from '@microtune/shared';
import {
  openCausalFile,
  type ChatTemplate,
  type FormOptions,
  type MetricsWithLoss,
} from '@microtune/tasks';
import type { Figures, ForwardRunner } from './forward-runner.js';
import type { GenerateOptions } from './generation/generate-options.js';
import { answerRows, type RowText } from './generation/answer-rows.js';
import { generationOf, type GeneratedText, type Generation } from './generation/generation.js';
import type { Prompt } from './generation/prompt.js';
import { TextMaker } from './generation/text-maker.js';
import { createInTurn } from './in-turn.js';
import type { ModelEngine } from './model.js';
import type { LanguageSettings, RunSettings } from './run-settings.js';
import type { GenerationConfig } from './sampling/generation-config.js';

export interface LanguageModelParts {
  /** As the caller named it. */
  readonly folder: string;
  readonly model: LoadedModel;
  readonly runner: ForwardRunner;
  readonly tokenizer: SpanTokenizer;
  /** Where tokenizer, chat template and generation_config.json are. */
  readonly tokenizerFolder: string;
  /** Undefined where the folder has none. */
  readonly template: ChatTemplate | undefined;
  readonly generation: GenerationConfig;
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
  /** Tokens of a prompt with its answer at most. */
  readonly contextLength: number;
  /** Prompts that are texts become a user's turn, unless a call says otherwise. */
  readonly asChat: boolean;
  /** The folder has a chat template. */
  readonly canChat: boolean;
  /** What computes. */
  readonly engine: ModelEngine;
  readonly #parts: LanguageModelParts;
  readonly #maker: TextMaker;
  readonly #inTurn = createInTurn();
  #closing: Promise<void> | undefined;

  constructor(parts: LanguageModelParts) {
    this.maxSeqLength = parts.maxSeqLength;
    this.engine = parts.engine;
    this.contextLength = parts.model.maxTokens;
    this.canChat = parts.template !== undefined;
    this.asChat = isChat(parts);
    this.#parts = parts;
    this.#maker = new TextMaker({
      ...parts,
      config: parts.generation,
      graphs: parts.runner.tokenGraphs,
      maxTokens: this.contextLength,
      asChat: this.asChat,
    });
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

  /**
   * Continues texts, and answers conversations.
   * @returns a promise of all answers, in the order of the prompts, which is also an iterable of their pieces as they are made
   * @throws MicrotuneError (as a rejection) `usage` for an option out of its range, something that is no prompt, an empty one, one that
   *   leaves the model no position for an answer, a conversation where there is no chat template, and when the model is closed
   * @example const [answer] = await model.generate(['What is 12 plus 30?'], { maxNewTokens: 40 });
   * @example for await (const { text } of model.generate([prompt])) process.stdout.write(text);
   */
  generate(prompts: readonly Prompt[], options: GenerateOptions = {}): Generation {
    return generationOf(async (tell, signal) => {
      try {
        this.#requireOpen();
        if (!Array.isArray(prompts)) throw notPrompts(prompts);
        const answers: GeneratedText[] = [];
        const asked = prompts.map((prompt: Prompt, at) => ({
          prompt,
          place: { file: 'prompt', line: at + 1, column: 'messages' },
          onPiece: (text: string) => {
            tell({ prompt: at, text });
          },
          onAnswer: (answer: GeneratedText) => void (answers[at] = answer),
        }));
        await this.#inTurn(() =>
          this.#maker.make(fromList(asked), options, { signal, count: prompts.length }),
        );
        return answers;
      } catch (error) {
        throw reworded(error, this.#parts.words);
      }
    }, options.signal);
  }

  /**
   * Answers the rows of a file or stream in their order, as they come: prompts (a column `prompt` or `text`, or as in training) or
   * conversations (`messages`, or as in training). A row that cannot be used has its reason in place of a text.
   * @throws MicrotuneError as openRows; `usage` for an option out of its range, and when the model is closed
   */
  async *generateRows(
    source: RowSource,
    options: GenerateRowsOptions = {},
  ): AsyncGenerator<RowText> {
    this.#requireOpen();
    const { settings, words } = this.#parts;
    const columns = {
      columnNames: (options.columnNames ?? settings.columnNames)?.slice(),
      textColumnNames: undefined,
      labelColumnName: settings.labelColumnName,
    };
    const { promptColumn, messagesColumn } = { ...settings.language, ...definedOf(options) };
    try {
      yield* answerRows(openRows(source, { columns }), {
        name: 'file' in source ? source.file : source.name,
        columns: {
          prompts: [promptColumn, 'prompt', ...(settings.textColumnNames ?? []), 'text'],
          messages: [messagesColumn, 'messages', 'conversations'],
        },
        words,
        make: (asked, signal) => this.#inTurn(() => this.#maker.make(asked, options, { signal })),
        signal: options.signal,
      });
    } catch (error) {
      throw reworded(error, words);
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

/** Which columns of the rows are read: as in training unless given. */
export interface GenerateRowsOptions extends GenerateOptions {
  readonly columnNames?: readonly string[] | undefined;
  readonly promptColumn?: string | undefined;
  readonly messagesColumn?: string | undefined;
}

/** A run says by its data whether it trained on conversations; a folder that no run made, by its chat template. */
function isChat({ settings: { isRun, language }, template }: LanguageModelParts): boolean {
  if (template === undefined) return false;
  return !isRun || language.asChat === true || language.messagesColumn !== undefined;
}

function notPrompts(given: unknown): MicrotuneError {
  const what = typeof given === 'string' ? 'a text' : String(given);
  return new MicrotuneError(
    'usage',
    `generate expects an array of prompts, got ${what}: write generate([prompt])`,
  );
}

async function* fromList<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}

function definedOf<Options extends object>(options: Options): Options {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Options;
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
  return { columnNames, ...others, ...(namesColumns ? {} : asTrained), ...definedOf(own) };
}

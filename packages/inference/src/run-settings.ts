/** What training said about texts, labels and rows, from config.resolved.yaml of the run folder. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import {
  MicrotuneError,
  checkpointStep,
  messageOf,
  runConfigSchema,
  runFolder,
} from '@microtune/shared';
import { z } from 'zod';

const {
  columnNames,
  textColumnNames,
  labelColumnName,
  maxSeqLength,
  microBatchTokens,
  labelSmoothingFactor,
  promptColumn,
  completionColumn,
  messagesColumn,
  asChat,
  lossOn,
  longRows,
  chatTemplate,
  templateDate,
} = runConfigSchema.shape;

/** The keys that inference needs; keys of other versions do not matter. */
const settingsSchema = z.object({
  column_names: columnNames,
  text_column_names: textColumnNames,
  label_column_name: labelColumnName,
  max_seq_length: maxSeqLength,
  micro_batch_tokens: microBatchTokens,
  label_smoothing_factor: labelSmoothingFactor,
  prompt_column: promptColumn,
  completion_column: completionColumn,
  messages_column: messagesColumn,
  as_chat: asChat,
  loss_on: lossOn,
  long_rows: longRows,
  chat_template: chatTemplate,
  template_date: templateDate,
});

export interface RunSettings {
  /** A run made the folder, and says how. */
  readonly isRun: boolean;
  readonly columnNames: readonly string[] | undefined;
  readonly textColumnNames: readonly string[] | undefined;
  readonly labelColumnName: string;
  /** Undefined where the folder was not made by a run. */
  readonly maxSeqLength: number | undefined;
  readonly microBatchTokens: number;
  readonly labelSmoothing: number;
  /** What rows are to a language model, and what counts of them. */
  readonly language: LanguageSettings;
}

export interface LanguageSettings {
  readonly promptColumn?: string | undefined;
  readonly completionColumn?: string | undefined;
  readonly messagesColumn?: string | undefined;
  readonly asChat?: boolean | undefined;
  readonly lossOn?: 'completion' | 'all' | undefined;
  readonly longRows?: 'cut' | 'drop' | undefined;
  readonly chatTemplate?: string | undefined;
  readonly templateDate?: string | undefined;
}

/**
 * Those of the run for its checkpoints and `best`, too; defaults where the folder was not made by a run (a model alone).
 * @throws MicrotuneError `data` for a broken file
 */
export async function readRunSettings(folder: string): Promise<RunSettings> {
  const file = configOf(resolve(folder));
  const settings = settingsSchema.safeParse(existsSync(file) ? await readYaml(file) : {});
  if (!settings.success) {
    throw new MicrotuneError('data', `${file}: ${z.prettifyError(settings.error)}`);
  }
  const found = settings.data;
  return {
    isRun: existsSync(file),
    columnNames: found.column_names,
    textColumnNames: found.text_column_names,
    labelColumnName: found.label_column_name,
    maxSeqLength: found.max_seq_length,
    microBatchTokens: found.micro_batch_tokens,
    labelSmoothing: found.label_smoothing_factor,
    language: {
      promptColumn: found.prompt_column,
      completionColumn: found.completion_column,
      messagesColumn: found.messages_column,
      asChat: found.as_chat,
      lossOn: found.loss_on,
      longRows: found.long_rows,
      chatTemplate: found.chat_template,
      templateDate: found.template_date,
    },
  };
}

function configOf(folder: string): string {
  const run = runFolder(dirname(folder));
  const isPart = folder === run.best || checkpointStep(basename(folder)) !== undefined;
  return isPart ? run.config : runFolder(folder).config;
}

async function readYaml(file: string): Promise<unknown> {
  const { parse } = await import('yaml');
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new MicrotuneError('data', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

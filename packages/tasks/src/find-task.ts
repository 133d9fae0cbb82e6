/**
 * Which task a run has where its configuration does not say: told from the options that were given, what the model can be, and the
 * columns of the first row. Where they leave a doubt nothing is guessed.
 */
import { columnsOf, dataError, isIdName, listed, type Row } from '@microtune/data';
import {
  MicrotuneError,
  languageOptions,
  optionName,
  type ParsedConfig,
  type TaskName,
} from '@microtune/shared';
import { findDataForm, formText, type DataForm } from './causal-lm/data-form.js';

/** What a model folder is known to be. */
export interface ModelKind {
  /** Each token sees those before it alone: it can be a language model. */
  readonly readsForward: boolean;
  /** Saved with a head for labels. */
  readonly hasLabelHead: boolean;
}

export interface FoundTask {
  readonly task: TaskName;
  /** What it was told from, where the user should hear of it. */
  readonly reason: string | undefined;
}

const labels: FoundTask = { task: 'sequence-classification', reason: undefined };

/** The task that an option belongs to settles it: rows need not be read. */
export function taskOfOptions(config: ParsedConfig): FoundTask | undefined {
  const keys = Object.keys(languageOptions) as (keyof typeof languageOptions)[];
  const given = keys.find((key) => config[key] !== undefined);
  return given && { task: 'causal-lm', reason: `because of --${optionName(given)}` };
}

/**
 * @param row the first of the training data
 * @throws MicrotuneError `data` naming the file and the options to choose with where columns or model leave a doubt
 */
export function findTask(row: Row, model: ModelKind, config: ParsedConfig): FoundTask {
  if (!model.readsForward) return labels;
  const available = columnsOf(row);
  const { labelColumnName, numLabels, problemType } = config;
  const isLabelled = available.includes(labelColumnName);
  const form = formOf(row, config);
  if (form === undefined) {
    if (isLabelled || numLabels !== undefined || problemType !== undefined) return labels;
    throw doubt(row, `the columns are ${listed(available)}: neither labels nor text to continue`);
  }
  // A text and its label: what is classified. Documents with another column might be so, too.
  if (form.kind === 'text') {
    if (isLabelled || numLabels !== undefined || problemType !== undefined) return labels;
    const others = available.filter((name) => name !== form.column && !isIdName(name));
    if (others.length > 0)
      throw doubt(row, `${listed(others)} beside ${listed([form.column])} may be a label or not`);
  } else if (isLabelled) {
    throw doubt(row, `there are ${formText(form)}, and labels in ${listed([labelColumnName])}`);
  }
  if (model.hasLabelHead)
    throw doubt(
      row,
      `there are ${formText(form)} and no labels, and the model has a head for them`,
    );
  return { task: 'causal-lm', reason: `${formText(form)}, no ${listed([labelColumnName])}` };
}

/** Undefined where rows are no text to continue, or can be read as several kinds of it. */
function formOf(row: Row, config: ParsedConfig): DataForm | undefined {
  // Two of them are a pair to be classified.
  if ((config.textColumnNames?.length ?? 0) > 1) return undefined;
  try {
    return findDataForm(row, config);
  } catch (error) {
    if (error instanceof MicrotuneError && error.code === 'data') return undefined;
    throw error;
  }
}

function doubt({ file }: Row, what: string): MicrotuneError {
  return dataError(
    file,
    undefined,
    `${what}; choose with --task causal-lm, or with --task sequence-classification and --label_column_name`,
  );
}

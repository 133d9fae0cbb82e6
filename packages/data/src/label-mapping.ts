/**
 * What labels mean: names sorted to class ids as HuggingFace does it, integers 0..n-1 kept as they are,
 * fractions as regression targets. Decided once from the training labels, saved in config.json, and only applied after.
 */
import { MicrotuneError, assert, type LabelTask, type ProblemType } from '@microtune/shared';
import { labelNumber } from './label-table.js';
import { dataError, listed } from './row.js';
import type { LabelEntry, RawLabel } from './label-table.js';

export interface MappingOptions {
  /** What the user asked for. */
  readonly numLabels?: number | undefined;
  readonly problemType?: ProblemType | undefined;
  /** What config.json of the source model says: its names by id, when they are more than LABEL_0, LABEL_1… */
  readonly modelLabels?: readonly string[] | undefined;
  readonly modelProblemType?: ProblemType | undefined;
}

/**
 * The task of a training set with these labels.
 * @throws MicrotuneError `usage` when the options contradict each other or the labels; `data` when there is but one class
 */
export function buildLabelMapping(
  entries: readonly LabelEntry[],
  options: MappingOptions,
): LabelTask {
  const numbers = entries.map((entry) => labelNumber(entry.value));
  const problemType = decideProblemType(numbers, options);
  const [first] = entries;
  assert(first, 'a training set without labels');
  if (problemType === 'regression') {
    const name = entries[numbers.indexOf(undefined)];
    if (name === undefined) return { kind: 'regression' };
    throw dataError(
      name.file,
      name.line,
      `regression needs numbers, found label ${JSON.stringify(name.value)}`,
    );
  }
  const labels = numbers.includes(undefined)
    ? namedClasses(new Set(entries.map((entry) => String(entry.value))), options)
    : numberedClasses(
        [...new Set(numbers as number[])].sort((a, b) => a - b),
        options,
      );
  requireHeadNames(labels, first, options);
  if (labels.length < 2) {
    throw dataError(
      first.file,
      undefined,
      `every row has the label ${JSON.stringify(first.value)}; a classifier needs at least two (or give --num_labels)`,
    );
  }
  return { kind: 'sequence-classification', labels };
}

/** A head of as many outputs is trained on: under other names its outputs would be renamed without a word. */
function requireHeadNames(
  labels: readonly string[],
  { file }: LabelEntry,
  { modelLabels, numLabels }: MappingOptions,
): void {
  if (modelLabels?.length !== labels.length || numLabels !== undefined) return;
  if (labels.every((name) => modelLabels.includes(name))) return;
  throw dataError(
    file,
    undefined,
    `the labels are ${listed(labels)}, and the model's head answers ${listed(modelLabels)}: use the model's names (or ` +
      `their numbers from 0), or give --num_labels ${labels.length} to train that head on under the names of the data`,
  );
}

function decideProblemType(
  numbers: readonly (number | undefined)[],
  options: MappingOptions,
): ProblemType {
  const { numLabels, problemType } = options;
  if (problemType === 'regression' && numLabels !== undefined && numLabels !== 1) {
    throw new MicrotuneError(
      'usage',
      `num_labels ${numLabels} contradicts problem_type regression, which has one output`,
    );
  }
  if (problemType === 'single_label_classification' && numLabels === 1) {
    throw new MicrotuneError(
      'usage',
      'num_labels 1 means regression; classification needs at least 2',
    );
  }
  if (problemType !== undefined) return problemType;
  if (numLabels !== undefined)
    return numLabels === 1 ? 'regression' : 'single_label_classification';
  if (options.modelProblemType !== undefined) return options.modelProblemType;
  const fraction = numbers.some((value) => value !== undefined && !Number.isInteger(value));
  return fraction && !numbers.includes(undefined) ? 'regression' : 'single_label_classification';
}

function namedClasses(
  names: ReadonlySet<string>,
  { numLabels, modelLabels }: MappingOptions,
): string[] {
  checkCount(names.size, numLabels);
  // Also where the data has only some of them: the model's head has an output for each.
  const known = modelLabels ?? [];
  const fits = numLabels === undefined || numLabels === known.length;
  if (fits && [...names].every((name) => known.includes(name))) return [...known];
  return padded([...names].sort(), numLabels);
}

function numberedClasses(
  values: readonly number[],
  { numLabels, modelLabels }: MappingOptions,
): string[] {
  const [lowest, highest] = [values[0] ?? 0, values.at(-1) ?? 0];
  const areIds = values.every(Number.isInteger) && lowest >= 0;
  const count =
    numLabels ?? (highest === values.length - 1 ? values.length : (modelLabels?.length ?? 0));
  if (areIds && highest < count) {
    if (modelLabels?.length === count) return [...modelLabels];
    return Array.from({ length: count }, (_, id) => String(id));
  }
  checkCount(values.length, numLabels);
  return padded(values.map(String), numLabels);
}

function checkCount(found: number, numLabels: number | undefined): void {
  if (numLabels === undefined || found <= numLabels) return;
  throw new MicrotuneError(
    'usage',
    `num_labels is ${numLabels}, but the training data has ${found} different labels`,
  );
}

function padded(names: string[], numLabels: number | undefined): string[] {
  for (let id = names.length; id < (numLabels ?? 0); id++) names.push(`LABEL_${id}`);
  return names;
}

/** Class id or regression target of a label; undefined when the task does not know it. */
export function createLabelLookup(task: LabelTask): (value: RawLabel) => number | undefined {
  if (task.kind === 'regression') return labelNumber;
  const { labels } = task;
  const ids = new Map(labels.map((name, id) => [name, id]));
  const namesAreNumbers = labels.every((name) => labelNumber(name) !== undefined);
  return (value) => {
    const named = ids.get(String(value));
    if (named !== undefined) return named;
    const number = labelNumber(value);
    if (number === undefined) return undefined;
    const isId =
      !namesAreNumbers && Number.isInteger(number) && number >= 0 && number < labels.length;
    return ids.get(String(number)) ?? (isId ? number : undefined);
  };
}

/**
 * Numbers for a table of labels.
 * @throws MicrotuneError `data` for the first label the task does not know, naming file, row, label and the known ones
 */
export function mapLabels(entries: readonly LabelEntry[], task: LabelTask): Float32Array {
  const lookup = createLabelLookup(task);
  return Float32Array.from(entries, ({ value, file, line }) => {
    const mapped = lookup(value);
    if (mapped !== undefined) return mapped;
    const expected =
      task.kind === 'regression'
        ? 'regression needs numbers'
        : `the labels of the training data are ${listed(task.labels)}`;
    throw dataError(file, line, `unknown label ${JSON.stringify(value)}: ${expected}`);
  });
}

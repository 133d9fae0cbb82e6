/** What a person would look at before training: how many rows of what, how long, and how often the same text comes again. */
import { hash } from 'node:crypto';
import type { LabelTask } from '@microtune/shared';
import { boundsOf } from './token-store.js';
import type { TokenizedDataset } from './dataset.js';
import type { Splits } from './open-splits.js';

export interface SplitReport {
  readonly rows: number;
  /** Rows of each class, in the order of the task's labels; undefined for regression. */
  readonly classCounts: readonly { readonly label: string; readonly rows: number }[] | undefined;
  /** Of the targets of a regression; undefined for classification. */
  readonly labelRange: Pick<Spread, 'min' | 'median' | 'max'> | undefined;
  /** Tokens of a row, special tokens counted, after truncation. */
  readonly tokens: Spread;
  /** Rows that had more tokens than `maxSeqLength`. */
  readonly rowsCut: number;
}

export interface RepeatedRows {
  /** Rows whose tokens an earlier row of the split has. */
  readonly duplicateRows: number;
  /** Rows whose tokens another row of the split has with another label; undefined where rows have no labels. */
  readonly conflictingRows: number | undefined;
}

export interface DataReport {
  readonly train: SplitReport & RepeatedRows;
  readonly validation: (SplitReport & RepeatedRows) | undefined;
  /** Validation rows whose tokens a training row has. */
  readonly overlapRows: number;
}

/** Each value is one of those described: nearest rank, as `numpy.percentile(method='inverted_cdf')`. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

/** Two rows are the same when their tokens after truncation are. Reads every token once. */
export function reportData({
  train,
  validation,
  task,
}: Pick<Splits, 'train' | 'validation' | 'task'>): DataReport {
  const described = (split: TokenizedDataset, groups: ReadonlyMap<string, SameRows>) => ({
    ...reportSplit(split, task),
    ...repeatedRows(split, groups),
  });
  const trained = groupRows(train);
  const held = validation && groupRows(validation);
  return {
    train: described(train, trained),
    validation: validation && held && described(validation, held),
    overlapRows: [...(held ?? [])].reduce(
      (sum, [key, { rows }]) => sum + (trained.has(key) ? rows : 0),
      0,
    ),
  };
}

/** The part that needs no look at the tokens themselves. */
function reportSplit(
  { size, labels, lengths, cut }: TokenizedDataset,
  task: LabelTask,
): SplitReport {
  const isRegression = task.kind === 'regression';
  return {
    rows: size,
    classCounts: isRegression ? undefined : countClasses(labels, task.labels),
    labelRange: isRegression ? spreadOf(labels) : undefined,
    tokens: spreadOf(lengths),
    rowsCut: cut.reduce((sum, each) => sum + each, 0),
  };
}

function countClasses(
  labels: Float32Array,
  names: readonly string[],
): { label: string; rows: number }[] {
  const counts = new Int32Array(names.length);
  for (const id of labels) counts[id] = (counts[id] ?? 0) + 1;
  return names.map((label, id) => ({ label, rows: counts[id] ?? 0 }));
}

export function spreadOf(values: Int32Array | Float32Array): Spread {
  const sorted = values.slice().sort();
  const rank = (share: number): number =>
    sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { min: rank(0), median: rank(0.5), p95: rank(0.95), max: rank(1) };
}

interface SameRows {
  rows: number;
  /** Of the first of them. */
  readonly label: number;
  hasOtherLabel: boolean;
}

/** By a hash of their tokens, so that memory does not grow with the length of texts. */
function groupRows(split: TokenizedDataset): Map<string, SameRows> {
  const groups = new Map<string, SameRows>();
  split.labels.forEach((label, row) => {
    const key = hash('sha1', split.ids.subarray(...boundsOf(split, row)), 'base64');
    const same = groups.get(key);
    if (same === undefined) {
      groups.set(key, { rows: 1, label, hasOtherLabel: false });
      return;
    }
    same.rows++;
    same.hasOtherLabel ||= same.label !== label;
  });
  return groups;
}

function repeatedRows(
  { size }: TokenizedDataset,
  groups: ReadonlyMap<string, SameRows>,
): RepeatedRows {
  const conflicting = [...groups.values()].filter(({ hasOtherLabel }) => hasOtherLabel);
  return {
    duplicateRows: size - groups.size,
    conflictingRows: conflicting.reduce((sum, { rows }) => sum + rows, 0),
  };
}

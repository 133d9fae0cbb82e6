/**
 * Labels that are hardly meant as they stand: refused with the rows that show it. Whoever means them says how many classes
 * there are with `num_labels`.
 */
import { labelNumber } from './label-table.js';
import { dataError, listed } from './row.js';
import type { LabelTask, MicrotuneError } from '@microtune/shared';
import type { LabelEntry } from './label-table.js';

export interface CountedLabel extends LabelEntry {
  /** Rows that have it. */
  readonly count: number;
}

/** What programs write where there is no value. */
const missing = /^(?:nan|null|n\/a|<na>|#n\/a|-nan)$/i;
/** Share of rows above which labels are numbers with a few faults among them. */
const nearlyAll = 0.8;
/** A class of one row is a slip where others have this many (their median). */
const manyRows = 10;
/** From so many classes on, more classes than half the rows are no classes. */
const manyClasses = 20;

/** @throws MicrotuneError `data` naming file, line and value of the first rows that cause the doubt, and what settles it */
export function refuseDoubtfulLabels(
  labels: readonly CountedLabel[],
  { kind }: LabelTask,
  numLabels: number | undefined,
): void {
  if (kind === 'regression' || numLabels === labels.length) return;
  const settled = `mend the rows, or give --num_labels ${labels.length} where they are meant`;
  for (const doubt of [oddNumbers, spellings, tooMany, lonely]) {
    const found = doubt(labels);
    if (found !== undefined)
      throw doubtError(found.rows, `${found.what}; ${found.settled ?? settled}`);
  }
}

interface Doubt {
  readonly rows: readonly CountedLabel[];
  readonly what: string;
  readonly settled?: string;
}

const rowsOf = (labels: readonly CountedLabel[]): number =>
  labels.reduce((sum, { count }) => sum + count, 0);

function doubtError(rows: readonly CountedLabel[], message: string): MicrotuneError {
  const [first, ...others] = rows;
  const also = others
    .slice(0, 3)
    .map(({ file, line, value }) => `${JSON.stringify(value)} at ${file}:${line}`);
  const tail = also.length === 0 ? '' : ` (also ${also.join(', ')})`;
  return dataError(first?.file ?? '', first?.line, message + tail);
}

function oddNumbers(labels: readonly CountedLabel[]): Doubt | undefined {
  const names = labels.filter(({ value }) => labelNumber(value) === undefined);
  const gaps = names.filter(({ value }) => missing.test(String(value)));
  const isNearlyAll =
    names.length < labels.length && rowsOf(names) < (1 - nearlyAll) * rowsOf(labels);
  const rows = isNearlyAll ? names : gaps;
  const [first] = rows;
  if (first === undefined) return undefined;
  const value = JSON.stringify(first.value);
  return {
    rows,
    what: isNearlyAll
      ? `label ${value} is not a number, and nearly all others are (${rowsOf(names)} of ${rowsOf(labels)} rows are not)`
      : `label ${value} stands for a missing value in ${first.count} of ${rowsOf(labels)} rows`,
  };
}

function spellings(labels: readonly CountedLabel[]): Doubt | undefined {
  const groups = new Map<string, CountedLabel[]>();
  for (const label of labels) {
    const plain = String(label.value).toLowerCase().replaceAll(/\s+/g, ' ');
    groups.set(plain, [...(groups.get(plain) ?? []), label]);
  }
  const same = [...groups.values()].find((group) => group.length > 1 && !areNumbers(group));
  if (same === undefined) return undefined;
  const rows = [...same].sort((a, b) => a.count - b.count);
  const counts = rows.map(({ value, count }) => `${JSON.stringify(value)} in ${count}`).join(', ');
  return { rows, what: `labels differ only in capitals or spaces: ${counts} rows` };
}

const areNumbers = (labels: readonly CountedLabel[]): boolean =>
  labels.every(({ value }) => labelNumber(value) !== undefined);

function tooMany(labels: readonly CountedLabel[]): Doubt | undefined {
  const rows = rowsOf(labels);
  if (labels.length < manyClasses || labels.length * 2 <= rows) return undefined;
  const shown = listed(
    labels.map(({ value }) => String(value)),
    3,
  );
  return {
    rows: labels.slice(0, 1),
    what: `${labels.length} different labels in ${rows} rows (${shown}) are no classes: is it the column of the label?`,
    settled: `choose with --label_column_name, or give --num_labels ${labels.length}${areNumbers(labels) ? ' or --problem_type regression' : ''}`,
  };
}

function lonely(labels: readonly CountedLabel[]): Doubt | undefined {
  const sorted = labels.map(({ count }) => count).sort((a, b) => a - b);
  if ((sorted[Math.floor(sorted.length / 2)] ?? 0) < manyRows) return undefined;
  const rows = labels.filter(({ count }) => count === 1);
  const [first] = rows;
  if (first === undefined) return undefined;
  return { rows, what: `only this row has the label ${JSON.stringify(first.value)}` };
}

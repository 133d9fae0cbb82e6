/**
 * Labels as the files have them, before they mean anything: each row holds an index into a table of the distinct values.
 * The table is small, so what labels mean (`label-mapping.ts`) can be decided after tokenization and apart from its cache,
 * and each value remembers where it came first, for error messages.
 */
import { dataError } from './row.js';
import type { Row } from './row.js';

export type RawLabel = string | number;

export interface LabelEntry {
  readonly value: RawLabel;
  /** Where the value came first. */
  readonly file: string;
  readonly line: number;
}

/** @throws MicrotuneError `data` when the value of a label column is no label, naming file and line */
export function rawLabelOf(row: Row, column: string): RawLabel {
  const value = row.values[column];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string' && value.trim() !== '') return value.trim();
  const found =
    value === undefined
      ? 'nothing'
      : value === ''
        ? 'an empty value'
        : JSON.stringify(value).slice(0, 60);
  throw dataError(
    row.file,
    row.line,
    `label column ${JSON.stringify(column)} should hold a number or a name, found ${found}`,
  );
}

const numeric = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** The number a label stands for, or undefined for a name; files without types hold numbers as text. */
export function labelNumber(value: RawLabel): number | undefined {
  if (typeof value === 'number') return value;
  return numeric.test(value) && Number.isFinite(Number(value)) ? Number(value) : undefined;
}

/** Collects the labels of rows in order. */
export function createLabelTable(): {
  add(label: RawLabel, row: Row): number;
  entries: LabelEntry[];
} {
  const entries: LabelEntry[] = [];
  const indices = new Map<RawLabel, number>();
  return {
    entries,
    add(value, row) {
      const known = indices.get(value);
      if (known !== undefined) return known;
      indices.set(value, entries.length);
      entries.push({ value, file: row.file, line: row.line });
      return entries.length - 1;
    },
  };
}

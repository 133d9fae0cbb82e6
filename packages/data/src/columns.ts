/**
 * Which columns hold the texts and the label. Named ones are taken; else the pairs and the names that everybody uses; else
 * the one column that can be a text. Where more than one reading is plausible nothing is guessed.
 */
import { MicrotuneError } from '@microtune/shared';
import { columnsOf, dataError, listed } from './row.js';
import type { Row } from './row.js';

const usualPairs = [
  ['sentence1', 'sentence2'],
  ['text', 'text_pair'],
] as const;
const usualNames: readonly string[] = ['text', 'sentence', 'sentence1'];

export interface ColumnOptions {
  readonly textColumnNames?: readonly string[] | undefined;
  readonly labelColumnName: string;
}

/** The column of the text, or the two of a pair. */
export type TextColumns = readonly [first: string, second?: string];

export interface Texts {
  readonly first: string;
  /** Second text of a pair. */
  readonly second: string | undefined;
}

/**
 * What names alone decide.
 * @param available columns of the file
 * @returns undefined where the values must be looked at
 * @throws MicrotuneError `data` when a named column is missing, named twice or that of the label, or the usual names leave a
 *   choice; `usage` for more than two names
 */
export function columnsByName(
  available: readonly string[],
  { textColumnNames: named, labelColumnName }: ColumnOptions,
  file: string,
): TextColumns | undefined {
  const [first, second] = named ?? [];
  if (named !== undefined && first !== undefined) {
    checkNamed(named, labelColumnName, file);
    for (const name of named) requireColumn(available, name, { file, what: 'text' });
    return [first, second];
  }
  const has = (name: string): boolean => name !== labelColumnName && available.includes(name);
  const pairs = usualPairs.filter((pair) => pair.every(has));
  const singles = usualNames.filter((name) => has(name) && !pairs.flat().some((n) => n === name));
  const found: TextColumns[] = [...pairs, ...singles.map((name): TextColumns => [name])];
  if (found.length > 1)
    throw undecided(
      found.flat().filter((n) => n !== undefined),
      file,
    );
  return found[0];
}

function checkNamed(named: readonly string[], labelColumnName: string, file: string): void {
  if (named.length > 2) {
    throw new MicrotuneError(
      'usage',
      `text_column_names: expected one or two columns, got ${named.length}`,
    );
  }
  const [first, second] = named;
  if (first === second) {
    throw dataError(
      file,
      undefined,
      `text_column_names names ${JSON.stringify(first)} twice; a pair has two different columns`,
    );
  }
  if (named.includes(labelColumnName)) {
    throw dataError(
      file,
      undefined,
      `column ${JSON.stringify(labelColumnName)} is the label and cannot be a text, too; ` +
        'choose others with --text_column_names or --label_column_name',
    );
  }
}

/** Collects, row by row, which columns can hold a text: the order of the rows does not matter. */
export interface ColumnSurvey {
  add(row: Row): void;
  /** @throws MicrotuneError `data` when there is no text column, or more than one that could be it */
  decide(file: string): TextColumns;
}

/** Whether a column of this name is an id, and no text. */
export const isIdName = (name: string): boolean => idName.test(name);

const idName = /^(?:id|idx|index|guid|uuid|.*_id|unnamed: \d+)?$/i;
const numberOrUuid =
  /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/i;

/** A column is no text when it is named as an id, or all its values are numbers, UUIDs or empty. */
export function surveyColumns({ labelColumnName }: ColumnOptions): ColumnSurvey {
  const names = new Set<string>();
  const withText = new Set<string>();
  return {
    add(row) {
      for (const name of columnsOf(row)) {
        if (name === labelColumnName) continue;
        names.add(name);
        if (isIdName(name) || withText.has(name)) continue;
        const value = row.values[name];
        if (typeof value === 'string' && value.trim() !== '' && !numberOrUuid.test(value.trim()))
          withText.add(name);
      }
    },
    decide(file) {
      const candidates = [...names].filter((name) => withText.has(name));
      const [only] = candidates;
      if (only === undefined) throw noText([...names], file);
      if (candidates.length > 1) throw undecided(candidates, file);
      return [only];
    },
  };
}

function noText(others: readonly string[], file: string): MicrotuneError {
  const found =
    others.length === 0
      ? 'there is no column beside the label'
      : `${listed(others)} ${others.length === 1 ? 'holds' : 'hold'} ids, numbers or nothing`;
  return dataError(file, undefined, `no text column: ${found}; choose with --text_column_names`);
}

function undecided(candidates: readonly string[], file: string): MicrotuneError {
  const [first = '', second = ''] = candidates;
  return dataError(
    file,
    undefined,
    `more than one column could be the text: ${listed(candidates)}; choose with --text_column_names, ` +
      `e.g. ${first} for one text or ${first},${second} for a pair`,
  );
}

/**
 * The columns of the texts from the names and this one row.
 * @throws MicrotuneError as `columnsByName` and `ColumnSurvey.decide`
 */
export function findTextColumns(row: Row, options: ColumnOptions, place = row.file): TextColumns {
  const named = columnsByName(columnsOf(row), options, place);
  if (named !== undefined) return named;
  const survey = surveyColumns(options);
  survey.add(row);
  return survey.decide(place);
}

/** What was taken for the texts where nobody named the columns and no usual name was found. */
export function guessNote(
  [first, second]: TextColumns,
  { textColumnNames }: ColumnOptions,
): string | undefined {
  if ((textColumnNames?.length ?? 0) > 0 || second !== undefined || usualNames.includes(first))
    return undefined;
  return `the text is column ${JSON.stringify(first)}, the only one that can be; choose with --text_column_names`;
}

/** @throws MicrotuneError `data` listing the columns there are */
export function requireColumn(
  available: readonly string[],
  name: string,
  about: { file: string; what: 'text' | 'label' },
): void {
  if (available.includes(name)) return;
  const option = about.what === 'text' ? '--text_column_names' : '--label_column_name';
  throw dataError(
    about.file,
    undefined,
    `no ${about.what} column ${JSON.stringify(name)}; the file has ${listed(available)}` +
      ` (choose with ${option}; a csv or tsv file without a header line needs --column_names)`,
  );
}

/** @throws MicrotuneError `data` when a text is missing or not text, naming file and line */
export function textsOf(row: Row, [first, second]: TextColumns): Texts {
  return {
    first: textOf(row, first),
    second: second === undefined ? undefined : textOf(row, second),
  };
}

function textOf(row: Row, column: string): string {
  const value = row.values[column];
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  if (value === undefined && !Object.hasOwn(row.values, column)) {
    throw dataError(
      row.file,
      row.line,
      `no column ${JSON.stringify(column)}; this row has ${listed(Object.keys(row.values))}`,
    );
  }
  throw dataError(
    row.file,
    row.line,
    `column ${JSON.stringify(column)} should be text, found ${value === null ? 'null' : typeof value}`,
  );
}

/**
 * Which columns hold the texts and the label, found as HuggingFace's run_classification and run_glue find them:
 * named ones, else `sentence1` and `sentence2`, else `text`, else `sentence`, else the first (two) that are not the label.
 */
import { MicrotuneError } from '@microtune/shared';
import { dataError, listed } from './row.js';
import type { Row } from './row.js';

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
 * @param available columns of the first row
 * @throws MicrotuneError `data` when a named column is missing; `usage` for more than two names
 */
export function findTextColumns(
  available: readonly string[],
  options: ColumnOptions,
  file: string,
): TextColumns {
  const { textColumnNames: named, labelColumnName } = options;
  const [namedFirst, namedSecond] = named ?? [];
  if (named !== undefined && namedFirst !== undefined) {
    if (named.length > 2) {
      throw new MicrotuneError(
        'usage',
        `text_column_names: expected one or two columns, got ${named.length}`,
      );
    }
    for (const name of named) requireColumn(available, name, { file, what: 'text' });
    return [namedFirst, namedSecond];
  }
  if (available.includes('sentence1') && available.includes('sentence2'))
    return ['sentence1', 'sentence2'];
  for (const usual of usualNames) if (available.includes(usual)) return [usual];
  const others = available.filter((name) => name !== labelColumnName);
  const [first, second] = others;
  if (first === undefined)
    throw dataError(
      file,
      undefined,
      `no text column; there is ${available.length === 0 ? 'no column at all' : `only ${listed(available)}`}`,
    );
  return [first, second];
}

/** What the user should know where nobody named the columns and no usual name was found: an id may be taken for a text. */
export function guessNote(
  [first, second]: TextColumns,
  { textColumnNames }: ColumnOptions,
): string | undefined {
  if ((textColumnNames?.length ?? 0) > 0 || usualNames.includes(first)) return undefined;
  const taken =
    second === undefined
      ? `the text is column ${JSON.stringify(first)}, the first that is`
      : `the texts of a pair are columns ${listed([first, second])}, the first that are`;
  return `${taken} not the label; choose with --text_column_names`;
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

/** A row of a source file: column -> value, with where it came from for error messages. */
import { MicrotuneError } from '@microtune/shared';

export interface Row {
  readonly values: Readonly<Record<string, unknown>>;
  /** In the order of the file; undefined: that of `values`. An object puts names like "1" first. */
  readonly columns?: readonly string[] | undefined;
  readonly file: string;
  /** 1-based line in the file; of parquet, the 1-based row. */
  readonly line: number;
}

/** The names of the row's columns, as the file orders them. */
export function columnsOf({ columns, values }: Row): readonly string[] {
  return columns ?? Object.keys(values);
}

/** What a text file's rows need to be read. */
export interface ReadOptions {
  /** Names of the columns of a csv or tsv file without a header line. */
  readonly columnNames?: readonly string[] | undefined;
}

/** An error in a data file. @param line 1-based, or undefined when the whole file is meant */
export function dataError(
  file: string,
  line: number | undefined,
  message: string,
  cause?: unknown,
): MicrotuneError {
  const place = line === undefined ? file : `${file}:${line}`;
  return new MicrotuneError('data', `${place}: ${message}`, { cause });
}

/** `a`, `b` and 3 more: a list for messages that stays short. */
export function listed(names: readonly string[], limit = 20): string {
  const shown = names.slice(0, limit).map((name) => JSON.stringify(name));
  const rest = names.length - shown.length;
  return shown.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

/** Zips a split line with its header. @throws MicrotuneError `data` when the counts differ */
export function namedRow(
  columns: readonly string[],
  fields: readonly string[],
  place: { file: string; line: number },
): Row {
  if (fields.length !== columns.length) {
    throw dataError(
      place.file,
      place.line,
      `expected ${columns.length} columns (${listed(columns)}), found ${fields.length}`,
    );
  }
  const values: Record<string, unknown> = {};
  for (const [index, column] of columns.entries()) values[column] = fields[index];
  return { values, columns, ...place };
}

/** @throws MicrotuneError `data` for a header with an empty or a repeated name */
export function checkedHeader(names: readonly string[], file: string): readonly string[] {
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) {
    throw dataError(
      file,
      1,
      `the header names column ${JSON.stringify(repeated)} twice` +
        ' (a file without a header line needs --column_names)',
    );
  }
  return names;
}

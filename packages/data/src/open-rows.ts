/**
 * Rows for prediction: no labels, in order, as they come, and a bad row becomes an error record instead of ending the stream.
 * Rows arrive in groups: all the lines that came in one read of a pipe, so an answer never waits for lines that were not
 * sent yet.
 */
import { extname } from 'node:path';
import { messageOf } from '@microtune/shared';
import { findTextColumns, guessNote, textsOf } from './columns.js';
import { holdsJsonArray, splitJsonArray } from './read-json-array.js';
import { parseJsonElement, parseJsonLine } from './read-json.js';
import { readRows } from './read-rows.js';
import { openBytes, readLenientLines } from './read-text.js';
import { columnsOf, dataError, listed } from './row.js';
import type { TextColumns, Texts } from './columns.js';
import type { Row } from './row.js';
import type { ColumnConfig } from './source-data.js';

export interface OpenedRow {
  /** 1-based line of the source. */
  readonly line: number;
  /** Undefined for a bad row. */
  readonly texts: Texts | undefined;
  /** What is wrong with the row; undefined for a good one. */
  readonly error: string | undefined;
  /** The columns of the row, where it could be read. */
  readonly values: Readonly<Record<string, unknown>> | undefined;
}

/** A data file, or JSON lines from a stream (`name` for messages). */
export type RowSource =
  { readonly file: string } | { readonly bytes: AsyncIterable<Uint8Array>; readonly name: string };

export interface RowOptions {
  readonly columns: ColumnConfig;
  /** Called once, with the columns of the first row whose texts had to be guessed. */
  readonly onGuess?: (note: string) => void;
}

/** Of files that are not read line by line. */
const rowsPerGroup = 256;

type Attempt = { line: number; row: Row } | { line: number; error: string };

/**
 * @throws MicrotuneError `data` when a file is missing, or a csv, tsv or parquet file or a JSON array is damaged (where the next row starts is
 *   then unknown); `usage` for an unknown file type
 */
export async function* openRows(
  source: RowSource,
  options: RowOptions,
): AsyncGenerator<OpenedRow[]> {
  const own = { ...options, onGuess: once(options.onGuess) };
  for await (const attempts of attemptsOf(source, options))
    if (attempts.length > 0) yield attempts.map((attempt) => opened(attempt, own));
}

function once(tell: (note: string) => void = () => undefined): (note: string) => void {
  let told = false;
  return (note) => {
    if (!told) tell(note);
    told = true;
  };
}

async function* attemptsOf(source: RowSource, options: RowOptions): AsyncGenerator<Attempt[]> {
  if ('bytes' in source) {
    yield* jsonAttempts(source.bytes, source.name);
  } else if (['.jsonl', '.json'].includes(extname(source.file).toLowerCase())) {
    const attempts = (await holdsJsonArray(source.file)) ? arrayAttempts : jsonAttempts;
    yield* attempts(await openBytes(source.file), source.file);
  } else if (extname(source.file).toLowerCase() === '.txt') {
    yield* textAttempts(await openBytes(source.file), source.file);
  } else {
    let waiting: Attempt[] = [];
    for await (const row of readRows([source.file], options.columns)) {
      waiting.push({ line: row.line, row });
      if (waiting.length < rowsPerGroup) continue;
      yield waiting;
      waiting = [];
    }
    yield waiting;
  }
}

/** Every line is a text. */
async function* textAttempts(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Attempt[]> {
  for await (const lines of readLenientLines(bytes)) {
    yield lines.map(({ text, number: line }): Attempt => {
      if (text === undefined) return { line, error: badBytes(name, line) };
      if (text.trim() === '') return { line, error: blankLine(name, line) };
      return { line, row: { values: { text }, file: name, line } };
    });
  }
}

/** Kept as records of their own: so there is an answer for every line. */
const blankLine = (name: string, line: number): string =>
  dataError(name, line, 'blank line').message;
const badBytes = (name: string, line: number): string =>
  dataError(name, line, 'invalid UTF-8').message;

async function* jsonAttempts(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Attempt[]> {
  for await (const lines of readLenientLines(bytes)) {
    yield lines.map(({ text, number: line }): Attempt => {
      if (text === undefined) return { line, error: badBytes(name, line) };
      if (text.trim() === '') return { line, error: blankLine(name, line) };
      return attempted(line, () => parseJsonLine({ text, number: line }, name));
    });
  }
}

async function* arrayAttempts(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Attempt[]> {
  for await (const elements of splitJsonArray(bytes, name))
    yield elements.map((each) => attempted(each.line, () => parseJsonElement(each, name)));
}

function attempted(line: number, parse: () => Row): Attempt {
  try {
    return { line, row: parse() };
  } catch (error) {
    return { line, error: messageOf(error) };
  }
}

function opened(attempt: Attempt, options: RowOptions): OpenedRow {
  if ('error' in attempt) return { ...attempt, texts: undefined, values: undefined };
  const { line, row } = attempt;
  const { values } = row;
  try {
    return { line, texts: textsOf(row, textColumnsOf(row, options)), error: undefined, values };
  } catch (error) {
    return { line, texts: undefined, error: messageOf(error), values };
  }
}

/**
 * The columns of training where the row has them; `text` (and `text_pair`) always work in their place.
 * @throws MicrotuneError `data` naming the columns of training and those of the row
 */
function textColumnsOf(row: Row, { columns, onGuess }: RowOptions): TextColumns {
  const available = columnsOf(row);
  const named = columns.textColumnNames ?? [];
  const place = `${row.file}:${row.line}`;
  if (named.length === 0) {
    const found = findTextColumns(row, columns, place);
    const guess = guessNote(found, columns);
    if (guess !== undefined) onGuess?.(`${place}: ${guess}`);
    return found;
  }
  const second = available.includes('text_pair') ? 'text_pair' : undefined;
  const isPair = named.length === 2;
  if (named.every((name) => available.includes(name))) {
    const isNamed = second === undefined || named.includes(second);
    if (isPair || isNamed) return [named[0] ?? '', named[1]];
  } else if (available.includes('text') && isPair === (second !== undefined)) {
    return ['text', second];
  }
  const usual = isPair ? '"text" and "text_pair"' : '"text" alone';
  throw dataError(
    row.file,
    row.line,
    `the model reads ${isPair ? 'pairs of texts' : 'one text'}, from ${listed(named)} (or ${usual}); this row has ${available.length === 0 ? 'no column at all' : listed(available)}`,
  );
}

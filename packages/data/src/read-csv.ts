/** Comma-separated values as RFC 4180 has them: quoted fields may hold commas, line ends and doubled quotes. */
import { Readable, pipeline } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { openBytes, readText } from './read-text.js';
import { isHeader } from './read-tsv.js';
import { checkedHeader, dataError, namedRow } from './row.js';
import type { ReadOptions, Row } from './row.js';

interface ParsedRecord {
  readonly record: string[];
  /** `lines` is the line on which the record ends. */
  readonly info: { readonly lines: number };
}

const quoteErrors = new Set([
  'CSV_INVALID_CLOSING_QUOTE',
  'INVALID_OPENING_QUOTE',
  'CSV_QUOTE_NOT_CLOSED',
  'CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE',
]);

/** @param lastLine where the last good record ended */
function explained(error: unknown, file: string, lastLine: number): unknown {
  if (!(error instanceof CsvError)) return error;
  // A quote that never closes is noticed at the end of the file, but the trouble starts after the last good record.
  const noticed = typeof error['lines'] === 'number' ? error['lines'] : undefined;
  const line = error.code === 'CSV_QUOTE_NOT_CLOSED' ? lastLine + 1 : noticed;
  const kind = quoteErrors.has(error.code) ? 'bad quotes' : 'bad csv';
  return dataError(file, line, `${kind}: ${error.message}`, error);
}

async function* textOf(file: string): AsyncGenerator<string> {
  for await (const piece of readText(await openBytes(file), file)) yield piece.text;
}

/** @throws MicrotuneError `data` naming file and line for bad quotes or another number of columns */
export async function* readCsv(file: string, options: ReadOptions): AsyncGenerator<Row> {
  let lastLine = 0;
  const parser = parse({
    info: true,
    skip_empty_lines: true,
    relax_column_count: true,
    on_record: (record: string[], { lines }) => {
      lastLine = lines;
      return record;
    },
  });
  // Errors of either end reach the loop below; pipeline's own callback has nothing to add.
  pipeline(Readable.from(textOf(file)), parser, () => undefined);
  let columns = options.columnNames;
  let first = true;
  try {
    for await (const { record, info } of parser as AsyncIterable<ParsedRecord>) {
      const header = columns === undefined || (first && isHeader(record, columns));
      first = false;
      if (columns === undefined || header) columns = checkedHeader(record, file);
      else yield namedRow(columns, record, { file, line: info.lines });
    }
  } catch (error) {
    throw explained(error, file, lastLine);
  }
}

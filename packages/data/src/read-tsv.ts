/**
 * Tab-separated values: one line is one row. Two conventions meet in such files: spreadsheets quote fields ("" for a
 * quote inside), corpora write quotes as plain text. So a field counts as quoted only when it begins with a quote, its
 * closing quote stands right before a tab or the line end, and reading the line so gives the expected number of columns;
 * otherwise quotes are text. A lone quote can thus never swallow the following lines.
 */
import { openBytes, readText, splitLines } from './read-text.js';
import { checkedHeader, namedRow } from './row.js';
import type { ReadOptions, Row } from './row.js';

/** Fields of a line that has quotes, read with quoting; undefined when some opening quote has no closing one. */
function splitQuoted(text: string): string[] | undefined {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      const quoted = /^"(?:[^"]|"")*"(?=\t|$)/.exec(text.slice(at))?.[0];
      if (quoted === undefined) return undefined;
      fields.push(quoted.slice(1, -1).replaceAll('""', '"'));
      at += quoted.length;
    } else {
      const tab = text.indexOf('\t', at);
      const end = tab === -1 ? text.length : tab;
      fields.push(text.slice(at, end));
      at = end;
    }
    if (at >= text.length) return fields;
    at++;
  }
}

/** @param columns expected number of fields, or undefined for the header line */
export function splitTsvLine(text: string, columns: number | undefined): string[] {
  const plain = text.split('\t');
  if (!text.includes('"')) return plain;
  const quoted = splitQuoted(text);
  if (quoted === undefined) return plain;
  return columns === undefined || quoted.length === columns ? quoted : plain;
}

/** @throws MicrotuneError `data` naming file and line when a line has another number of columns */
export async function* readTsv(file: string, options: ReadOptions): AsyncGenerator<Row> {
  let columns = options.columnNames;
  let first = true;
  for await (const piece of readText(await openBytes(file), file)) {
    for (const line of splitLines(piece)) {
      if (line.text === '') continue;
      const fields = splitTsvLine(line.text, columns?.length);
      const header = columns === undefined || (first && isHeader(fields, columns));
      first = false;
      if (columns === undefined || header) columns = checkedHeader(fields, file);
      else yield namedRow(columns, fields, { file, line: line.number });
    }
  }
}

/**
 * A first line with one of the given column names among its fields is a header after all. One is enough: names given
 * for the training file are kept for files that are evaluated, and those may call their text differently.
 */
export function isHeader(fields: readonly string[], columns: readonly string[]): boolean {
  return fields.some((field) => columns.includes(field));
}

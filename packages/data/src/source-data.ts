/**
 * A *source* is a list of files read, tokenized and labelled, but before anything is decided about it: labels are still as the
 * files have them, no row is held out. So one cache entry serves every seed, split and mapping of the same files.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { findTextColumns, requireColumn, textsOf } from './columns.js';
import { hashFile } from './hash-file.js';
import { createLabelTable, rawLabelOf } from './label-table.js';
import { readRows } from './read-rows.js';
import { checkDataFile } from './read-text.js';
import { columnsOf, dataError, listed } from './row.js';
import { joinRows, packRows } from './token-store.js';
import { assert, type ResolvedConfig } from '@microtune/shared';
import type { TextColumns, Texts } from './columns.js';
import type { LabelEntry } from './label-table.js';
import type { Row } from './row.js';
import type { TextTokenizer } from './text-tokenizer.js';
import type { TokenRows } from './token-store.js';

/** The part of the configuration that says how files are read. */
export type ColumnConfig = Pick<
  ResolvedConfig,
  'columnNames' | 'textColumnNames' | 'labelColumnName'
>;

export interface SourceData {
  /** Hash of everything it was made from. */
  readonly key: string;
  readonly tokens: TokenRows;
  /** [rows] into `labelEntries`. */
  readonly labelIndices: Int32Array;
  readonly labelEntries: readonly LabelEntry[];
  /** Of the first file. */
  readonly textColumns: TextColumns;
}

export interface SourceRequest {
  readonly files: readonly string[];
  readonly columns: ColumnConfig;
  readonly tokenizer: TextTokenizer;
}

/** Counts up when the meaning of a cache entry changes. */
const formatVersion = 2;
/** Rows given to the tokenizer at once: enough for its threads, little enough to keep memory flat. */
const rowsPerCall = 2048;

/** @throws MicrotuneError `data` when a file is missing or empty */
export async function sourceKey({ files, columns, tokenizer }: SourceRequest): Promise<string> {
  const parts: unknown[] = [
    formatVersion,
    tokenizer.contentHash,
    columns.columnNames,
    columns.textColumnNames,
    columns.labelColumnName,
  ];
  for (const file of files) {
    await checkDataFile(file);
    parts.push(extname(file).toLowerCase(), await hashFile(file));
  }
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** @throws MicrotuneError `data` when one is missing or cannot be read */
export async function holdSameBytes(a: string, b: string): Promise<boolean> {
  await checkDataFile(a);
  await checkDataFile(b);
  if ((await stat(a)).size !== (await stat(b)).size) return false;
  return (await hashFile(a)) === (await hashFile(b));
}

/** A header that was found in spite of `column_names` and does not fit them. */
function checkColumnCount(
  available: readonly string[],
  named: readonly string[] | undefined,
  row: Row,
): void {
  if (row.columns === undefined || named === undefined) return;
  if (available.length === named.length) return;
  if (named.every((name) => available.includes(name))) return;
  throw dataError(
    row.file,
    1,
    `column_names names ${named.length} columns (${listed(named)}), found ${available.length} (${listed(available)})`,
  );
}

/** Reads, tokenizes and collects labels. @throws MicrotuneError `data` naming file and line of the first thing that is wrong */
export async function tokenizeSource(request: SourceRequest, key: string): Promise<SourceData> {
  const { files, columns, tokenizer } = request;
  const table = createLabelTable();
  const labelIndices: number[] = [];
  const groups: TokenRows[] = [];
  let waiting: Texts[] = [];
  let firstColumns: TextColumns | undefined;
  let textColumns: TextColumns | undefined;
  let file: string | undefined;
  const flush = async (): Promise<void> => {
    groups.push(packRows(await tokenizer.encode(waiting)));
    waiting = [];
  };
  for await (const row of readRows(files, columns)) {
    if (row.file !== file || textColumns === undefined) {
      const available = columnsOf(row);
      checkColumnCount(available, columns.columnNames, row);
      textColumns = findTextColumns(row, columns);
      firstColumns ??= textColumns;
      requireColumn(available, columns.labelColumnName, { file: row.file, what: 'label' });
      file = row.file;
    }
    labelIndices.push(table.add(rawLabelOf(row, columns.labelColumnName), row));
    waiting.push(textsOf(row, textColumns));
    if (waiting.length === rowsPerCall) await flush();
  }
  if (waiting.length > 0) await flush();
  assert(firstColumns, 'a source without rows');
  return {
    key,
    tokens: joinRows(groups),
    labelIndices: Int32Array.from(labelIndices),
    labelEntries: table.entries,
    textColumns: firstColumns,
  };
}

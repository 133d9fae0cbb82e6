import { createHash } from 'node:crypto';
import { labelsOf, messageOf, problemTypeOf, type LabelTask } from '@microtune/shared';
import { guessNote } from './columns.js';
import { mapLabels } from './label-mapping.js';
import { readCached, writeCached } from './source-cache.js';
import { sourceKey, tokenizeSource } from './source-data.js';
import { loadTextTokenizer } from './text-tokenizer.js';
import { lengthsOf, selectRows } from './token-store.js';
import type { TokenizedDataset } from './dataset.js';
import type { ColumnConfig, SourceData, SourceRequest } from './source-data.js';

export interface DatasetRequest {
  readonly files: readonly string[];
  readonly columns: ColumnConfig;
  /** Model folder with the tokenizer's files. */
  readonly tokenizerFolder: string;
  /** Tokens per row after truncation. */
  readonly maxSeqLength: number;
  /** Where tokenized files are kept; undefined keeps nothing. */
  readonly cacheFolder: string | undefined;
  /** What the labels mean, as the training run decided it. */
  readonly task: LabelTask;
  /** Use only the first rows. */
  readonly maxSamples?: number | undefined;
  /** Called with things the user should know. */
  readonly onNote?: (note: string) => void;
}

/**
 * A labelled split of its own, e.g. for `eval`: files read, tokenized (or taken from the cache) and labelled.
 * @throws MicrotuneError `data` for anything wrong with files, labels or tokenizer, naming file and line; `usage` for an unknown file type
 */
export async function openDataset(request: DatasetRequest): Promise<TokenizedDataset> {
  const { tokenizerFolder, maxSeqLength, cacheFolder } = request;
  const tokenizer = await loadTextTokenizer(tokenizerFolder, maxSeqLength, cacheFolder);
  const source = await openSource({ ...request, tokenizer }, cacheFolder, request.onNote);
  const size = source.labelIndices.length;
  return datasetOf(source, request.task, firstRows(size, request.maxSamples));
}

/** @param onNote called when text columns were guessed, or the cache cannot be written, which costs time but no result */
export async function openSource(
  request: SourceRequest,
  cacheFolder: string | undefined,
  onNote: (note: string) => void = () => undefined,
): Promise<SourceData> {
  const key = await sourceKey(request);
  const cached =
    cacheFolder === undefined ? undefined : await readCached(cacheFolder, key, request.files);
  const source = cached ?? (await tokenizeSource(request, key));
  const guess = guessNote(source.textColumns, request.columns);
  if (guess !== undefined) onNote(`${request.files[0]}: ${guess}`);
  if (cacheFolder !== undefined && cached === undefined) {
    await writeCached(cacheFolder, source, request.files).catch((error: unknown) => {
      onNote(`the tokenized data could not be cached in ${cacheFolder}: ${messageOf(error)}`);
    });
  }
  return source;
}

/** The first `count` of `size` rows; undefined for all of them. */
export function firstRows(size: number, count: number | undefined): Int32Array | undefined {
  if (count === undefined || count >= size) return undefined;
  return Int32Array.from({ length: count }, (_, row) => row);
}

/**
 * A source under a task. @param rows the rows taken, in order; undefined for all
 * @throws MicrotuneError `data` for a label that the task does not know
 */
export function datasetOf(
  source: SourceData,
  task: LabelTask,
  rows: Int32Array | undefined,
): TokenizedDataset {
  const tokens = rows === undefined ? source.tokens : selectRows(source.tokens, rows);
  const values = mapLabels(source.labelEntries, task);
  const indices =
    rows === undefined ? source.labelIndices : rows.map((row) => source.labelIndices[row] ?? -1);
  const selection = rows === undefined ? 'all' : createHash('sha256').update(rows).digest('hex');
  // Its spelling is in the identity of every checkpoint: another one would end their runs.
  const meaning = { problemType: problemTypeOf(task), labels: labelsOf(task) };
  return {
    size: indices.length,
    lengths: lengthsOf(tokens),
    ...tokens,
    labels: Float32Array.from(indices, (index) => values[index] ?? NaN),
    contentHash: createHash('sha256')
      .update(JSON.stringify([source.key, meaning, selection]))
      .digest('hex'),
  };
}

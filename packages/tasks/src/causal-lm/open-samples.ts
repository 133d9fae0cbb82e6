/** Files to samples through the cache: a second start, and every further process, reads columns instead of texts. */
import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import {
  checkDataFile,
  hashFile,
  readColumns,
  writeColumns,
  type ColumnFile,
} from '@microtune/data';
import { diskErrorText } from '@microtune/shared';
import { z } from 'zod';
import type { DataForm } from './data-form.js';
import {
  encodeSamples,
  type EncodeOptions,
  type EncodedSamples,
  type SampleSource,
} from './encode-samples.js';
import { countNotes } from './sample-counts.js';
import type { CausalSamples } from './samples.js';

export interface OpenedSamples extends EncodedSamples {
  /** Of source bytes, tokenizer, template and options: the key of the cache; all workers must agree on it. */
  readonly contentHash: string;
  /** Things the user should know. */
  readonly notes: readonly string[];
}

/** Counts up when the meaning of a cache entry changes. */
const formatVersion = 2;

/**
 * @param cacheFolder undefined keeps nothing; one that cannot be written costs time alone, and is said
 * @throws MicrotuneError as `encodeSamples`
 */
export async function openSamples(
  source: SampleSource,
  options: EncodeOptions,
  cacheFolder: string | undefined,
): Promise<OpenedSamples> {
  const contentHash = await keyOf(source, options);
  const known = cacheFolder === undefined ? undefined : await readColumns(cacheFolder, contentHash);
  const cached = known === undefined ? undefined : fromColumns(known);
  const notes: string[] = [];
  const encoded = cached ?? (await encodeSamples(source, options));
  if (cached === undefined && cacheFolder !== undefined) {
    await writeColumns(cacheFolder, contentHash, toColumns(encoded)).catch((error: unknown) =>
      notes.push(`${cacheFolder}: tokenized data is not cached: ${diskErrorText(error)}`),
    );
  }
  notes.push(...countNotes(encoded.counts, options));
  return { ...encoded, contentHash, notes };
}

async function keyOf(
  { files, tokenizer, template, vocabularySize }: SampleSource,
  options: EncodeOptions,
): Promise<string> {
  const parts: unknown[] = [
    formatVersion,
    tokenizer.contentHash,
    template?.contentHash,
    vocabularySize,
    options.columnNames,
    options.textColumnNames,
    options.promptColumn,
    options.completionColumn,
    options.messagesColumn,
    options.asChat,
    options.lossOn,
    options.maxSeqLength,
    options.longRows,
  ];
  for (const file of files) {
    await checkDataFile(file);
    parts.push(extname(file).toLowerCase(), await hashFile(file));
  }
  // JSON would leave no trace of what is undefined in an object, but makes it null in a list.
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

const count = z.number().int().nonnegative();
const metaSchema = z.object({
  form: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('text'), column: z.string() }),
    z.object({ kind: z.literal('chat'), column: z.string() }),
    z.object({
      kind: z.literal('completion'),
      prompt: z.string(),
      completion: z.string(),
      asChat: z.boolean(),
    }),
  ]) satisfies z.ZodType<DataForm>,
  counts: z.object({
    rows: count,
    cutRows: count,
    droppedRows: count,
    rowsWithoutTarget: count,
    duplicateSamples: count,
    tokens: count,
    targetTokens: count,
    lostTokens: count,
    straddlingSamples: count,
    openTurns: count,
  }) satisfies z.ZodType<EncodedSamples['counts']>,
});

function toColumns({ samples, counts, form }: EncodedSamples): ColumnFile {
  const { offsets, ids, learned, targets, rows, cut } = samples;
  return { meta: { counts, form }, columns: { offsets, ids, learned, targets, rows, cut } };
}

/** @returns undefined for an entry that is not one of samples */
function fromColumns({ meta, columns }: ColumnFile): EncodedSamples | undefined {
  const parsed = metaSchema.safeParse(meta);
  const { offsets, ids, learned, targets, rows, cut } = columns;
  const areInts = [offsets, ids, targets, rows].every((column) => column instanceof Int32Array);
  if (!parsed.success || !areInts) return undefined;
  if (!(learned instanceof Uint8Array) || !(cut instanceof Uint8Array)) return undefined;
  const ints = { offsets, ids, targets, rows } as Pick<
    CausalSamples,
    'offsets' | 'ids' | 'targets' | 'rows'
  >;
  const lengths = ints.offsets.subarray(1).map((end, sample) => end - (ints.offsets[sample] ?? 0));
  return { ...parsed.data, samples: { ...ints, learned, cut, lengths, size: lengths.length } };
}

/** Tokenized sources on disk, each under its key. */
import { z } from 'zod';
import { readColumns, writeColumns } from './column-file.js';
import type { SourceData } from './source-data.js';

const metaSchema = z.object({
  labelEntries: z.array(
    z.object({
      value: z.union([z.string(), z.number()]),
      file: z.number().int(),
      line: z.number().int(),
    }),
  ),
  /** One, or those of a pair. */
  textColumns: z.array(z.string()).min(1).max(2),
});
type Meta = z.infer<typeof metaSchema>;

/** @param files the source's files, in place of the names they had when the entry was made */
export async function readCached(
  folder: string,
  key: string,
  files: readonly string[],
): Promise<SourceData | undefined> {
  const found = await readColumns(folder, key);
  const meta = metaSchema.safeParse(found?.meta);
  if (found === undefined || !meta.success) return undefined;
  const { offsets, ids, labelIndices, typeIds, cut } = found.columns;
  const ints = offsets instanceof Int32Array && ids instanceof Int32Array;
  if (!ints || !(labelIndices instanceof Int32Array)) return undefined;
  if (!(typeIds instanceof Uint8Array) || !(cut instanceof Uint8Array)) return undefined;
  const { labelEntries, textColumns } = meta.data;
  return {
    key,
    tokens: { offsets, ids, typeIds, cut },
    labelIndices,
    labelEntries: labelEntries.map((entry) => ({ ...entry, file: files[entry.file] ?? '' })),
    textColumns: [textColumns[0] ?? '', textColumns[1]],
  };
}

/** Writes an entry; `files` as in `readCached`. @throws the file system's error when the folder cannot be written */
export async function writeCached(
  folder: string,
  { key, tokens, labelIndices, labelEntries, textColumns }: SourceData,
  files: readonly string[],
): Promise<void> {
  const { offsets, ids, typeIds, cut } = tokens;
  const meta: Meta = {
    labelEntries: labelEntries.map((entry) => ({ ...entry, file: files.indexOf(entry.file) })),
    textColumns: textColumns.filter((name) => name !== undefined),
  };
  await writeColumns(folder, key, { meta, columns: { offsets, ids, labelIndices, typeIds, cut } });
}

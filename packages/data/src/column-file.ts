/**
 * Typed columns in one file, named by a key. Layout, little-endian:
 *   8 bytes  magic
 *   u32      length of the header, a multiple of 8 with its padding; u32 zero
 *   header   JSON, padded with spaces: key, what the owner wants to know (`meta`), name, type and length of every column
 *   columns  one behind the other, each from a multiple of 8
 * Written aside, synced and renamed, so processes that open the same key at the same time each see a whole file or none. The header
 * holds a hash of the columns: a damaged file reads as absent and is made again.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@microtune/shared';
import { z } from 'zod';

export type Column = Int32Array | Uint8Array;
export type Columns = Readonly<Record<string, Column>>;

export interface ColumnFile {
  readonly meta: unknown;
  readonly columns: Columns;
}

const magic = Buffer.from('MTCOLS01', 'latin1');
const prefixBytes = 16;

const headerSchema = z.object({
  key: z.string(),
  meta: z.unknown(),
  columns: z.array(
    z.object({
      name: z.string(),
      type: z.enum(['int32', 'uint8']),
      length: z.number().int().nonnegative(),
    }),
  ),
  sha256: z.string(),
});
type Header = z.infer<typeof headerSchema>;

const entryFile = (folder: string, key: string): string => join(folder, `${key}.columns`);
const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;
const bytesPer = { int32: 4, uint8: 1 } as const;

/** @returns undefined where there is no whole entry of that key */
export async function readColumns(folder: string, key: string): Promise<ColumnFile | undefined> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    // A copy of its own, so that the views below start aligned.
    bytes = new Uint8Array(await readFile(entryFile(folder, key)));
  } catch {
    return undefined;
  }
  const found = parseHeader(bytes);
  if (found === undefined || found.header.key !== key) return undefined;
  const { header, payloadAt } = found;
  const payloadBytes = header.columns.reduce(
    (sum, { type, length }) => sum + aligned(length * bytesPer[type]),
    0,
  );
  const payload = bytes.subarray(payloadAt);
  if (payload.length !== payloadBytes || sha256(payload) !== header.sha256) return undefined;
  return { meta: header.meta, columns: viewsOf(bytes.buffer, payloadAt, header) };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function viewsOf(buffer: ArrayBuffer, payloadAt: number, { columns }: Header): Columns {
  let at = payloadAt;
  const views: Record<string, Column> = {};
  for (const { name, type, length } of columns) {
    views[name] =
      type === 'int32' ? new Int32Array(buffer, at, length) : new Uint8Array(buffer, at, length);
    at += aligned(length * bytesPer[type]);
  }
  return views;
}

function parseHeader(
  bytes: Uint8Array<ArrayBuffer>,
): { header: Header; payloadAt: number } | undefined {
  if (bytes.length < prefixBytes || magic.compare(bytes.subarray(0, magic.length)) !== 0)
    return undefined;
  const headerBytes = new DataView(bytes.buffer).getUint32(magic.length, true);
  const payloadAt = prefixBytes + headerBytes;
  if (payloadAt > bytes.length || payloadAt % 8 !== 0) return undefined;
  try {
    const text = Buffer.from(bytes.buffer, prefixBytes, headerBytes).toString();
    const parsed = headerSchema.safeParse(JSON.parse(text));
    return parsed.success ? { header: parsed.data, payloadAt } : undefined;
  } catch {
    return undefined;
  }
}

/** @throws the file system's error when the folder cannot be written */
export async function writeColumns(
  folder: string,
  key: string,
  { meta, columns }: ColumnFile,
): Promise<void> {
  const parts = Object.values(columns).flatMap((column) => {
    const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
    return [bytes, new Uint8Array(aligned(bytes.length) - bytes.length)];
  });
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  const header: Header = {
    key,
    meta,
    columns: Object.entries(columns).map(([name, column]) => ({
      name,
      type: column instanceof Int32Array ? 'int32' : 'uint8',
      length: column.length,
    })),
    sha256: digest.digest('hex'),
  };
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(aligned(json.length), ' ');
  json.copy(padded);
  const prefix = Buffer.alloc(prefixBytes);
  magic.copy(prefix);
  prefix.writeUInt32LE(padded.length, magic.length);
  await writeWhole(folder, entryFile(folder, key), [prefix, padded, ...parts]);
}

async function writeWhole(
  folder: string,
  file: string,
  parts: readonly Uint8Array[],
): Promise<void> {
  makeFolder(folder);
  // A folder of its own makes the name unique among processes.
  const aside = await mkdtemp(join(folder, '.writing-'));
  try {
    const written = join(aside, 'entry');
    const handle = await open(written, 'w');
    try {
      for (const part of parts) await handle.writeFile(part);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(written, file);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

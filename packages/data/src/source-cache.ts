/**
 * One file per tokenized source, named by its key. Layout, little-endian:
 *   8 bytes  magic
 *   u32      length of the header, a multiple of 8 with its padding; u32 zero
 *   header   JSON, padded with spaces
 *   payload  offsets i32[rows + 1], ids i32[tokens], labelIndices i32[rows], typeIds u8[tokens], cut u8[rows]
 * Written aside, fsynced and renamed, so processes that open the same source at the same time each see a whole file or
 * none. The header holds a hash of the payload: a damaged file reads as absent and is made again.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@microtune/shared';
import { z } from 'zod';
import type { SourceData } from './source-data.js';

const magic = Buffer.from('MTDATA02', 'latin1');
const prefixBytes = 16;

const headerSchema = z.object({
  key: z.string(),
  rows: z.number().int().nonnegative(),
  tokens: z.number().int().nonnegative(),
  payloadSha256: z.string(),
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
type Header = z.infer<typeof headerSchema>;

const entryFile = (folder: string, key: string): string => join(folder, `${key}.tokens`);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const bytesOf = (array: Int32Array | Uint8Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** @param files the source's files, in place of the names they had when the entry was made */
export async function readCached(
  folder: string,
  key: string,
  files: readonly string[],
): Promise<SourceData | undefined> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    // A copy of its own, so that the views below start aligned.
    bytes = new Uint8Array(await readFile(entryFile(folder, key)));
  } catch {
    return undefined;
  }
  const found = parseHeader(bytes);
  if (found === undefined || found.header.key !== key) return undefined;
  return parsePayload(bytes, found, files);
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
    const parsed = headerSchema.safeParse(
      JSON.parse(Buffer.from(bytes.buffer, prefixBytes, headerBytes).toString()),
    );
    return parsed.success ? { header: parsed.data, payloadAt } : undefined;
  } catch {
    return undefined;
  }
}

function parsePayload(
  bytes: Uint8Array<ArrayBuffer>,
  { header, payloadAt }: { header: Header; payloadAt: number },
  files: readonly string[],
): SourceData | undefined {
  const { rows, tokens } = header;
  const payload = bytes.subarray(payloadAt);
  const isWhole = payload.length === 4 * (rows + 1 + tokens + rows) + tokens + rows;
  if (!isWhole || sha256(payload) !== header.payloadSha256) return undefined;
  let at = payloadAt;
  const ints = (count: number): Int32Array => {
    const view = new Int32Array(bytes.buffer, at, count);
    at += view.byteLength;
    return view;
  };
  const [offsets, ids, labelIndices] = [ints(rows + 1), ints(tokens), ints(rows)];
  const typeIds = bytes.subarray(at, at + tokens);
  const cut = bytes.subarray(at + tokens);
  return {
    key: header.key,
    tokens: { offsets, ids, typeIds, cut },
    labelIndices,
    labelEntries: header.labelEntries.map((entry) => ({ ...entry, file: files[entry.file] ?? '' })),
    textColumns: [header.textColumns[0] ?? '', header.textColumns[1]],
  };
}

/** Writes an entry; `files` as in `readCached`. @throws the file system's error when the folder cannot be written */
export async function writeCached(
  folder: string,
  data: SourceData,
  files: readonly string[],
): Promise<void> {
  const { offsets, ids, typeIds, cut } = data.tokens;
  const payload = Buffer.concat([offsets, ids, data.labelIndices, typeIds, cut].map(bytesOf));
  const header: Header = {
    key: data.key,
    rows: offsets.length - 1,
    tokens: ids.length,
    payloadSha256: sha256(payload),
    labelEntries: data.labelEntries.map((entry) => ({ ...entry, file: files.indexOf(entry.file) })),
    textColumns: data.textColumns.filter((name) => name !== undefined),
  };
  const json = Buffer.from(JSON.stringify(header));
  const padding = Buffer.alloc((8 - (json.length % 8)) % 8, ' ');
  const prefix = Buffer.alloc(prefixBytes);
  magic.copy(prefix);
  prefix.writeUInt32LE(json.length + padding.length, magic.length);

  makeFolder(folder);
  // A folder of its own makes the name unique among processes.
  const aside = await mkdtemp(join(folder, '.writing-'));
  try {
    const file = join(aside, 'entry');
    const handle = await open(file, 'w');
    try {
      await handle.writev([prefix, json, padding, payload]);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(file, entryFile(folder, data.key));
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

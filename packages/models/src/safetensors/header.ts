/**
 * The header of a safetensors file: u64 little-endian length N, N bytes of JSON, then the data.
 * A header is believed only when its tensors cover the data exactly: sorted by offset they start at 0, touch each
 * other, do not overlap, leave no hole and end where the file ends; each has the bytes its dtype and shape ask for.
 * So a lying header cannot make a reader allocate or read outside the file.
 * Source of the rules: safetensors/src/tensor.rs (Metadata::validate, SafeTensors::read_metadata).
 */
import { MicrotuneError } from '@microtune/shared';
import { dtypeBits, isDtype, type SafetensorsDtype } from './dtype.js';
import { countKeys } from './json-keys.js';

export const lengthBytes = 8;
export const maxHeaderBytes = 100_000_000;
const lfsPointer = Buffer.from('version ').readBigUInt64LE();

export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Bytes `[begin, end)` of the data area. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * @param json the N header bytes
 * @param dataBytes bytes of the file after the header
 * @param file for messages
 * @throws MicrotuneError `data` naming the file, the tensor and what was expected
 */
export function parseHeader(json: Uint8Array, dataBytes: number, file: string): SafetensorsHeader {
  const object = parseJsonObject(json, file);
  const tensors = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(object)) {
    if (name === '__metadata__') metadata = checkMetadata(value, file);
    else tensors.set(name, checkEntry(name, value, file));
  }
  checkCoverage([...tensors.values()], dataBytes, file);
  return { tensors, metadata };
}

/** The length field of a file of `fileBytes`. @throws MicrotuneError `data` for a length that cannot be */
export function checkHeaderLength(declared: bigint, fileBytes: number, file: string): number {
  // The first eight letters of a Git LFS pointer, read as a length.
  if (declared === lfsPointer)
    fail(file, 'it is a pointer of Git LFS: fetch its content with git lfs pull');
  if (declared > BigInt(maxHeaderBytes)) {
    fail(file, `its header claims ${declared} bytes, at most ${maxHeaderBytes} are allowed`);
  }
  const length = Number(declared);
  if (lengthBytes + length > fileBytes) {
    fail(
      file,
      `its header claims ${length} bytes, but the file has ${fileBytes}: it is cut short or no safetensors file`,
    );
  }
  return length;
}

export function fail(file: string, problem: string): never {
  throw new MicrotuneError('data', `${file}: ${problem}`);
}

function parseJsonObject(json: Uint8Array, file: string): Record<string, unknown> {
  if (json[0] !== 0x7b) fail(file, 'its header must start with "{"');
  let text: string;
  let parsed: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new MicrotuneError('data', `${file}: its header is not valid UTF-8 JSON`, { cause });
  }
  if (!isObject(parsed)) fail(file, 'its header must be a JSON object');
  // JSON.parse keeps the last of equal keys without a word; a hidden tensor is a lie all the same.
  const kept = Object.values(parsed).reduce<number>(
    (sum, value) => sum + (isObject(value) ? Object.keys(value).length : 0),
    Object.keys(parsed).length,
  );
  if (countKeys(text, 2) !== kept) fail(file, 'its header names a tensor or a field twice');
  return parsed;
}

function checkMetadata(value: unknown, file: string): Record<string, string> {
  if (!isObject(value)) fail(file, '__metadata__ must be an object');
  const metadata: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') fail(file, `__metadata__ "${key}" must be a string`);
    metadata[key] = text;
  }
  return metadata;
}

function checkEntry(name: string, value: unknown, file: string): TensorEntry {
  const bad = (expected: string): never => fail(file, `tensor "${name}": ${expected}`);
  if (!isObject(value)) return bad('its entry must be an object with dtype, shape, data_offsets');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) return bad(`unknown dtype ${JSON.stringify(dtype)}`);
  if (!isCountList(shape)) return bad('shape must be a list of whole numbers');
  if (!isCountList(offsets) || offsets.length !== 2) {
    return bad('data_offsets must be two whole numbers');
  }
  const [begin, end] = offsets as [number, number];
  if (end < begin) return bad(`data_offsets [${begin}, ${end}] run backwards`);
  const bits = shape.reduce((product, dimension) => product * dimension, dtypeBits[dtype]);
  if (!Number.isSafeInteger(bits)) return bad(`shape [${shape.join(', ')}] is too large`);
  if (bits % 8 !== 0)
    return bad(`shape [${shape.join(', ')}] of ${dtype} is not a whole number of bytes`);
  if (end - begin !== bits / 8) {
    return bad(
      `shape [${shape.join(', ')}] of ${dtype} takes ${bits / 8} bytes, data_offsets give ${end - begin}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

function checkCoverage(entries: TensorEntry[], dataBytes: number, file: string): void {
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin < covered)
      fail(file, `tensor "${name}" overlaps another (byte ${begin} of the data)`);
    if (begin > covered) {
      fail(file, `a hole of ${begin - covered} bytes lies before tensor "${name}"`);
    }
    if (end > dataBytes) {
      fail(
        file,
        `tensor "${name}" ends at byte ${end} of the data, but there are only ${dataBytes}: the file is cut short`,
      );
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    fail(file, `${dataBytes - covered} bytes after the last tensor belong to none`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCountList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
}

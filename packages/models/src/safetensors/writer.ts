/**
 * Writes float32 tensors as safetensors, as they are or narrowed, one file or several with an index, streaming from the
 * caller's buffers.
 * Files are written in place and not synced: the folder writer around it does both safely (folder/atomic-folder.ts).
 */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '@microtune/shared';
import { dtypeBits, narrowFloat32, type StoredDtype } from './dtype.js';
import { namingFile, writeText } from './name-file.js';
import { writeSparsely } from './write-sparsely.js';

/** Numbers narrowed at a time. */
const narrowedElements = 1024 * 1024;

export interface OutputTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Read while writing; must not change until the promise resolves. */
  readonly values: Float32Array;
}

export interface WriteOptions {
  /** What every tensor is stored as. @default F32 */
  dtype?: StoredDtype;
  /** Beside `format: "pt"`, without which transformers refuses a file. */
  metadata?: Readonly<Record<string, string>>;
}

/** Writes one file, tensors ordered by name. Errors of the file system pass through, with the path. */
export async function writeSafetensors(
  path: string,
  tensors: readonly OutputTensor[],
  options: WriteOptions = {},
): Promise<void> {
  const sorted = byName(tensors);
  await namingFile(path, async () => {
    // A new file, never the inode of one that is there: it may have other names, too (folder/saved-weights.ts).
    await rm(path, { force: true });
    const handle = await open(path, 'wx');
    try {
      const { dtype = 'F32' } = options;
      let position = await writeSparsely(handle, encodeHeader(sorted, options), 0);
      for (const { values } of sorted) {
        const atOnce = dtype === 'F32' ? values.length : narrowedElements;
        for (let from = 0; from < values.length; from += atOnce) {
          const bytes = narrowFloat32(dtype, values.subarray(from, from + atOnce));
          position = await writeSparsely(handle, bytes, position);
        }
      }
      await handle.truncate(position);
    } finally {
      await handle.close();
    }
  });
}

/**
 * Writes `model.safetensors`, or `model-0000i-of-0000n.safetensors` with their index when the tensors take more
 * than `maxShardBytes` (a larger single tensor gets a file of its own).
 * @returns the names of the files written
 */
export async function writeModelFiles(
  folder: string,
  tensors: readonly OutputTensor[],
  maxShardBytes: number,
  options: Pick<WriteOptions, 'dtype'> = {},
): Promise<string[]> {
  const elementBytes = dtypeBits[options.dtype ?? 'F32'] / 8;
  const groups = groupBySize(byName(tensors), Math.floor(maxShardBytes / elementBytes));
  const only = groups[0];
  if (groups.length === 1 && only !== undefined) {
    await writeSafetensors(join(folder, 'model.safetensors'), only, options);
    return ['model.safetensors'];
  }
  const number = (n: number): string => String(n).padStart(5, '0');
  const names = groups.map(
    (_, i) => `model-${number(i + 1)}-of-${number(groups.length)}.safetensors`,
  );
  const weightMap: Record<string, string> = {};
  for (const [i, group] of groups.entries()) {
    const name = names[i];
    assert(name !== undefined, 'one file name per group');
    await writeSafetensors(join(folder, name), group, options);
    for (const tensor of group) weightMap[tensor.name] = name;
  }
  const totalSize = tensors.reduce((sum, { values }) => sum + values.length * elementBytes, 0);
  const index = { metadata: { total_size: totalSize }, weight_map: weightMap };
  await writeText(join(folder, indexName), `${JSON.stringify(index, undefined, 2)}\n`);
  return [...names, indexName];
}

export const indexName = 'model.safetensors.index.json';

function encodeHeader(
  tensors: readonly OutputTensor[],
  { metadata = {}, dtype = 'F32' }: WriteOptions,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  let offset = 0;
  for (const { name, shape, values } of tensors) {
    const elements = shape.reduce((product, dimension) => product * dimension, 1);
    assert(elements === values.length, `tensor ${name}: ${values.length} values for its shape`);
    assert(!Object.hasOwn(header, name), `tensor ${name} is written once`);
    const end = offset + values.length * (dtypeBits[dtype] / 8);
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  // Padded with spaces so that the data starts on a multiple of 8.
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded));
  json.copy(bytes, 8);
  return bytes;
}

function groupBySize(tensors: readonly OutputTensor[], maxElements: number): OutputTensor[][] {
  const groups: OutputTensor[][] = [[]];
  let elements = 0;
  for (const tensor of tensors) {
    const current = groups.at(-1);
    assert(current !== undefined, 'there is always a group');
    if (current.length > 0 && elements + tensor.values.length > maxElements) {
      groups.push([tensor]);
      elements = tensor.values.length;
    } else {
      current.push(tensor);
      elements += tensor.values.length;
    }
  }
  return groups;
}

function byName(tensors: readonly OutputTensor[]): OutputTensor[] {
  return [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Opens one safetensors file: the header is read and checked, tensors are read one by one where the caller wants them. */
import { open, type FileHandle } from 'node:fs/promises';
import { MicrotuneError, assert, messageOf } from '@microtune/shared';
import { convertToFloat32, dtypeBits, isFloatDtype, notFloat, type FloatDtype } from './dtype.js';
import {
  checkHeaderLength,
  fail,
  lengthBytes,
  parseHeader,
  type SafetensorsHeader,
  type TensorEntry,
} from './header.js';

/** Largest single read: far below the 2 GiB limit of one system call. */
const chunkBytes = 64 * 1024 * 1024;
/** Elements converted at a time when the file is not float32. */
const convertedElements = 1024 * 1024;

export class SafetensorsFile {
  readonly path: string;
  readonly header: SafetensorsHeader;
  readonly #handle: FileHandle;
  readonly #dataOffset: number;

  private constructor(
    path: string,
    handle: FileHandle,
    parsed: { header: SafetensorsHeader; dataOffset: number },
  ) {
    this.path = path;
    this.header = parsed.header;
    this.#handle = handle;
    this.#dataOffset = parsed.dataOffset;
  }

  /** Reads the header alone. @throws MicrotuneError `data` when the file is missing or not what it claims */
  static async open(path: string): Promise<SafetensorsFile> {
    const handle = await open(path, 'r').catch((cause: unknown) => {
      throw new MicrotuneError('data', `${path}: cannot be opened: ${messageOf(cause)}`, { cause });
    });
    try {
      return new SafetensorsFile(path, handle, await readHeader(handle, path));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * Reads a tensor as float32 straight into `destination`, converting F16, BF16 and F64.
   * @param shape what the caller needs; its product is `destination.length`
   * @throws MicrotuneError `data` when the tensor is missing, not floating, or of another shape
   */
  async readInto(name: string, shape: readonly number[], destination: Float32Array): Promise<void> {
    const { entry, dtype } = this.#expect(name, shape);
    if (dtype === 'F32') {
      await this.#readBytes(entry.begin, bytesOf(destination), name);
      return;
    }
    const elementBytes = dtypeBits[dtype] / 8;
    const scratch = new Uint8Array(Math.min(destination.length, convertedElements) * elementBytes);
    for (let from = 0; from < destination.length; from += convertedElements) {
      const part = destination.subarray(from, from + convertedElements);
      const bytes = scratch.subarray(0, part.length * elementBytes);
      await this.#readBytes(entry.begin + from * elementBytes, bytes, name);
      convertToFloat32(dtype, bytes, part);
    }
  }

  /**
   * Reads the bytes of a tensor as they are.
   * @param destination two bytes an element
   * @throws MicrotuneError `data` as `readInto`; `internal` for a tensor that is not bfloat16
   */
  async readBfloat16(
    name: string,
    shape: readonly number[],
    destination: Uint8Array,
  ): Promise<void> {
    const { entry, dtype } = this.#expect(name, shape);
    assert(dtype === 'BF16', `tensor "${name}" is ${dtype}, not BF16`);
    await this.#readBytes(entry.begin, destination, name);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #expect(name: string, shape: readonly number[]): { entry: TensorEntry; dtype: FloatDtype } {
    const entry = this.header.tensors.get(name);
    if (entry === undefined) return fail(this.path, `tensor "${name}" is missing`);
    const { dtype } = entry;
    if (!isFloatDtype(dtype)) {
      return fail(this.path, `tensor "${name}" ${notFloat(dtype)}`);
    }
    if (entry.shape.length !== shape.length || entry.shape.some((n, axis) => n !== shape[axis])) {
      return fail(
        this.path,
        `tensor "${name}" has shape [${entry.shape.join(', ')}], expected [${shape.join(', ')}]`,
      );
    }
    return { entry, dtype };
  }

  async #readBytes(begin: number, destination: Uint8Array, name: string): Promise<void> {
    await readFully(this.#handle, destination, this.#dataOffset + begin).catch((cause: unknown) => {
      throw new MicrotuneError(
        'data',
        `${this.path}: tensor "${name}" cannot be read: ${messageOf(cause)}`,
        { cause },
      );
    });
  }
}

async function readHeader(
  handle: FileHandle,
  path: string,
): Promise<{ header: SafetensorsHeader; dataOffset: number }> {
  const stat = await handle.stat();
  if (!stat.isFile()) return fail(path, 'is not a regular file');
  if (stat.size < lengthBytes) {
    return fail(path, `has ${stat.size} bytes, a safetensors file has at least ${lengthBytes}`);
  }
  const length = Buffer.alloc(lengthBytes);
  await readFully(handle, length, 0);
  const headerBytes = checkHeaderLength(length.readBigUInt64LE(), stat.size, path);
  const json = new Uint8Array(headerBytes);
  await readFully(handle, json, lengthBytes);
  const dataOffset = lengthBytes + headerBytes;
  return { header: parseHeader(json, stat.size - dataOffset, path), dataOffset };
}

async function readFully(
  handle: FileHandle,
  destination: Uint8Array,
  position: number,
): Promise<void> {
  let done = 0;
  while (done < destination.length) {
    const length = Math.min(chunkBytes, destination.length - done);
    const { bytesRead } = await handle.read(destination, done, length, position + done);
    if (bytesRead === 0) {
      throw new MicrotuneError('data', `the file ends at byte ${position + done}`);
    }
    done += bytesRead;
  }
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

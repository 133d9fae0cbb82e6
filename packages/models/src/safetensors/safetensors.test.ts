import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MicrotuneError } from '@microtune/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertToFloat32 } from './dtype.js';
import { ModelFiles } from './model-files.js';
import { SafetensorsFile } from './reader.js';
import { indexName, writeModelFiles, writeSafetensors } from './writer.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
});
afterAll(async () => rm(folder, { recursive: true }));

/** A file with any header: what a liar would write. */
function fileBytes(header: unknown, data: Uint8Array): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

async function openBytes(bytes: Uint8Array): Promise<SafetensorsFile> {
  const path = join(folder, 'case.safetensors');
  await writeFile(path, bytes);
  return SafetensorsFile.open(path);
}

const entry = (dtype: string, shape: number[], begin: number, end: number): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('safetensors', () => {
  it('reads what it wrote, into views of a larger buffer', async () => {
    const path = join(folder, 'own.safetensors');
    const arena = Float32Array.from({ length: 100 }, (_, i) => i / 7);
    const tensors = [
      { name: 'b', shape: [2, 3], values: arena.subarray(16, 22) },
      { name: 'a', shape: [], values: arena.subarray(3, 4) },
      { name: 'empty', shape: [0, 5], values: arena.subarray(0, 0) },
    ];
    await writeSafetensors(path, tensors, { metadata: { step: '7' } });
    const file = await SafetensorsFile.open(path);
    expect([...file.header.tensors.keys()]).toEqual(['a', 'b', 'empty']);
    expect(file.header.metadata).toEqual({ format: 'pt', step: '7' });
    const target = new Float32Array(50);
    await file.readInto('b', [2, 3], target.subarray(8, 14));
    expect(target.subarray(8, 14)).toEqual(arena.subarray(16, 22));
    expect(target[7]).toBe(0);
    await expect(file.readInto('b', [3, 2], target.subarray(0, 6))).rejects.toThrow(
      'tensor "b" has shape [2, 3], expected [3, 2]',
    );
    await expect(file.readInto('c', [1], target.subarray(0, 1))).rejects.toThrow(
      'tensor "c" is missing',
    );
    await file.close();
  });

  it('converts F16, BF16 and F64 to float32', async () => {
    const data = new DataView(new ArrayBuffer(6 * 2 + 2 * 2 + 8));
    [0x3c00, 0xc000, 0x0001, 0x7c00, 0x7e00, 0x3555].forEach((v, i) =>
      data.setUint16(i * 2, v, true),
    );
    [0x3f80, 0xc049].forEach((v, i) => data.setUint16(12 + i * 2, v, true));
    data.setFloat64(16, 0.1, true);
    const file = await openBytes(
      fileBytes(
        {
          half: entry('F16', [6], 0, 12),
          brain: entry('BF16', [2], 12, 16),
          double: entry('F64', [1], 16, 24),
        },
        new Uint8Array(data.buffer),
      ),
    );
    const half = new Float32Array(6);
    await file.readInto('half', [6], half);
    expect([...half]).toEqual([1, -2, 2 ** -24, Infinity, NaN, 0.333251953125]);
    const brain = new Float32Array(2);
    await file.readInto('brain', [2], brain);
    expect([...brain]).toEqual([1, -3.140625]);
    const bytes = new Uint8Array(4);
    await file.readBfloat16('brain', [2], bytes);
    expect([...bytes]).toEqual([0x80, 0x3f, 0x49, 0xc0]);
    await expect(file.readBfloat16('half', [6], new Uint8Array(12))).rejects.toThrow(
      'tensor "half" is F16, not BF16',
    );
    const double = new Float32Array(1);
    await file.readInto('double', [1], double);
    expect(double[0]).toBe(Math.fround(0.1));
    await file.close();
  });

  it('widens every float16 as numpy does, and bfloat16 from any place in memory', () => {
    const all = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
    const wide = new Float32Array(all.length);
    convertToFloat32('F16', new Uint8Array(all.buffer), wide);
    const bits = new Uint32Array(wide.buffer);
    wide.forEach((value, i) => {
      if (Number.isNaN(value)) bits[i] = 0x7fc00000;
    });
    // sha256 of np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32), every NaN as 0x7fc00000
    expect(createHash('sha256').update(bits).digest('hex')).toBe(
      '385ff5fe69182797cda5f1827e20cf423f4416bc9246f27d0eec27cac9039259',
    );
    const odd = new Uint8Array(9);
    odd.set([0x80, 0x3f, 0x49, 0xc0, 0xc0, 0xff], 3);
    const target = new Float32Array(5);
    convertToFloat32('BF16', odd.subarray(3), target.subarray(1, 4));
    expect([...target]).toEqual([0, 1, -3.140625, NaN, 0]);
  });

  it('says of quantized weights that they are', async () => {
    const file = await openBytes(fileBytes({ w: entry('U8', [8], 0, 8) }, new Uint8Array(8)));
    await expect(file.readInto('w', [8], new Float32Array(8))).rejects.toThrow(
      /case\.safetensors: tensor "w" is U8, expected one of F32, F16, BF16, F64: quantized weights/,
    );
    await file.close();
  });

  it('reads neither integers nor half a tensor', async () => {
    const path = join(folder, 'case.safetensors');
    const bytes = fileBytes(
      { ids: entry('I64', [1], 0, 8), w: entry('F32', [2], 8, 16) },
      new Uint8Array(16),
    );
    const file = await openBytes(bytes);
    await expect(file.readInto('ids', [1], new Float32Array(1))).rejects.toThrow(
      'tensor "ids" is I64, expected one of F32, F16, BF16, F64',
    );
    await writeFile(path, bytes.subarray(0, bytes.length - 3));
    await expect(file.readInto('w', [2], new Float32Array(2))).rejects.toThrow(
      /"w" cannot be read/,
    );
    await file.close();
  });

  const two = new Uint8Array(8);
  const lies: [string, Uint8Array, RegExp][] = [
    ['no length', Buffer.from('abc'), /at least 8/],
    [
      'huge length',
      Buffer.from('ffffffffffffffff7b7d', 'hex'),
      /18446744073709551615 bytes, at most/,
    ],
    ['length beyond the file', Buffer.from('64000000000000007b7d', 'hex'), /cut short/],
    ['not JSON', fileBytes('{"a":', two), /not valid UTF-8 JSON/],
    ['not UTF-8', fileBytes('{}', two).fill(0xff, 9, 10), /not valid UTF-8 JSON/],
    ['no object', fileBytes(' {}', two), /must start with/],
    [
      'named twice',
      fileBytes(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        two,
      ),
      /twice/,
    ],
    [
      'field twice',
      fileBytes('{"a":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}', two),
      /twice/,
    ],
    ['unknown dtype', fileBytes({ a: entry('F33', [2], 0, 8) }, two), /"a": unknown dtype "F33"/],
    ['inherited dtype', fileBytes({ a: entry('toString', [2], 0, 8) }, two), /unknown dtype/],
    [
      'wrong size',
      fileBytes({ a: entry('F32', [3], 0, 8) }, two),
      /takes 12 bytes, data_offsets give 8/,
    ],
    ['overflow', fileBytes({ a: entry('F32', [2 ** 40, 2 ** 40], 0, 8) }, two), /too large/],
    ['negative', fileBytes({ a: entry('F32', [-2], 0, 8) }, two), /whole numbers/],
    ['backwards', fileBytes({ a: entry('F32', [2], 8, 0) }, two), /backwards/],
    ['part of a byte', fileBytes({ a: entry('F4', [3], 0, 2) }, two), /whole number of bytes/],
    [
      'overlap',
      fileBytes({ a: entry('F32', [1], 0, 4), b: entry('F32', [2], 0, 8) }, two),
      /"b" overlaps/,
    ],
    [
      'hole',
      fileBytes({ a: entry('F32', [1], 4, 8) }, two),
      /hole of 4 bytes lies before tensor "a"/,
    ],
    ['out of file', fileBytes({ a: entry('F32', [4], 0, 16) }, two), /"a" ends at byte 16/],
    ['rest', fileBytes({ a: entry('F32', [1], 0, 4) }, two), /4 bytes after the last tensor/],
    ['metadata', fileBytes({ __metadata__: { a: 1 } }, new Uint8Array()), /"a" must be a string/],
  ];
  it.each(lies)('refuses a lying header: %s', async (_, bytes, message) => {
    const error = await openBytes(bytes).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(MicrotuneError);
    expect(error).toMatchObject({
      code: 'data',
      message: expect.stringMatching(message) as string,
    });
    expect((error as Error).message).toContain('case.safetensors');
  });

  it('reads sharded folders through their index', async () => {
    const sharded = await mkdtemp(join(folder, 'sharded-'));
    const values = Float32Array.from({ length: 6 }, (_, i) => i);
    const tensors = ['x', 'y', 'z'].map((name, i) => ({
      name,
      shape: [2],
      values: values.subarray(2 * i, 2 * i + 2),
    }));
    expect(await writeModelFiles(sharded, tensors, 16)).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      indexName,
    ]);
    const files = await ModelFiles.open(sharded);
    const z = new Float32Array(2);
    await files.readInto('z', [2], z);
    expect([...z]).toEqual([4, 5]);
    expect(files.names().sort()).toEqual(['x', 'y', 'z']);
    await files.close();
  });

  it('refuses an index that points outside, or at tensors that are not there', async () => {
    const broken = await mkdtemp(join(folder, 'broken-'));
    const index = (map: object): Promise<void> =>
      writeFile(join(broken, indexName), JSON.stringify({ weight_map: map }));
    await index({ a: '../own.safetensors' });
    await expect(ModelFiles.open(broken)).rejects.toThrow('is not a file name');
    await writeSafetensors(join(broken, 'one.safetensors'), []);
    await index({ a: 'one.safetensors' });
    await expect(ModelFiles.open(broken)).rejects.toThrow('tensor "a" is missing');
    await writeFile(join(broken, indexName), '[]');
    await expect(ModelFiles.open(broken)).rejects.toThrow('weight_map');
    await rm(join(broken, indexName));
    await expect(ModelFiles.open(broken)).rejects.toThrow('neither model.safetensors nor');
  });
});

/** A safetensors file taken apart, changed, and put together again, right or wrong. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface Tensor {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

export type Header = Record<string, Tensor>;

/** @param change changes the header in place, and gives other data where it returns some */
export function rewriteWeights(
  file: string,
  change: (header: Header, data: Buffer) => unknown,
): void {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString('utf8')) as Header;
  const data = bytes.subarray(8 + length);
  const result = change(header, data);
  const changed = result instanceof Buffer ? result : data;
  writeFileSync(file, Buffer.concat([headerBytes(JSON.stringify(header)), changed]));
}

/** The header's length and the header. */
export function headerBytes(text: string): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([size, Buffer.from(text)]);
}

/** Leaves out tensors, so that the file is as right as before. */
export function dropTensors(file: string, isDropped: (name: string) => boolean): void {
  rewriteWeights(file, (header, data) => {
    const parts: Buffer[] = [];
    let end = 0;
    for (const [name, tensor] of Object.entries(header)) {
      if (name === '__metadata__') continue;
      const [from, to] = tensor.data_offsets;
      if (isDropped(name)) {
        Reflect.deleteProperty(header, name);
        continue;
      }
      parts.push(data.subarray(from, to));
      tensor.data_offsets = [end, end + to - from];
      end += to - from;
    }
    return Buffer.concat(parts);
  });
}

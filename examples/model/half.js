/** A safetensors file of float32 tensors in half the bytes. Format: github.com/huggingface/safetensors, "Format". */
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Writes the tensors of `from` to `to` in bfloat16, rounded to the nearest value, ties to even.
 * @param {string} from
 * @param {string} to
 */
export function writeHalf(from, to) {
  const file = readFileSync(from);
  const dataStart = 8 + Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, dataStart).toString());
  const data = Buffer.alloc((file.length - dataStart) / 2);
  for (let at = 0; at < data.length; at += 2) {
    const bits = file.readUInt32LE(dataStart + 2 * at);
    data.writeUInt16LE((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16, at);
  }
  const { __metadata__: metadata, ...tensors } = header;
  const halved = Object.entries(tensors).map(([name, { dtype, shape, data_offsets: offsets }]) => {
    if (dtype !== 'F32') throw new Error(`${from}: ${name} is ${dtype}, expected F32`);
    return [name, { dtype: 'BF16', shape, data_offsets: offsets.map((offset) => offset / 2) }];
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(halved) });
  const length = Buffer.alloc(8);
  // Filled up with spaces, so that the tensors begin on a multiple of 8.
  const padded = json.padEnd(Math.ceil(json.length / 8) * 8);
  length.writeBigUInt64LE(BigInt(padded.length));
  writeFileSync(to, Buffer.concat([length, Buffer.from(padded), data]));
}

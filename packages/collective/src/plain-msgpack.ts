/**
 * MessagePack without extensions: nil, booleans, numbers, strings, bytes, arrays and string-keyed maps. The bytes are
 * walked before the decoder sees them, so that extension types (records, classes, references, errors), lying lengths
 * and deep nesting never reach it. The one extension let through is how msgpackr writes `undefined`.
 * Format: github.com/msgpack/msgpack, spec.md.
 */
import { MicrotuneError, messageOf } from '@microtune/shared';
import { Packr } from 'msgpackr';

const packr = new Packr({ useRecords: false, mapsAsObjects: true });
const maxDepth = 32;

/** @throws MicrotuneError `internal` when the value has no plain MessagePack form */
export function encodePlain(value: unknown): Uint8Array {
  try {
    return packr.pack(value);
  } catch (error) {
    throw new MicrotuneError('internal', `internal: cannot encode a message: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * @param from names the sender in errors
 * @throws MicrotuneError `transient` when the bytes are not exactly one plain value
 */
export function decodePlain(bytes: Uint8Array, from: string): unknown {
  try {
    const walker = new Walker(bytes);
    walker.value(0);
    walker.end();
    return packr.unpack(bytes);
  } catch (error) {
    throw new MicrotuneError(
      'transient',
      `bytes from ${from} are no message: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

class Walker {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw this.#refusal('bytes after the end of the value');
  }

  value(depth: number): void {
    if (depth > maxDepth) throw this.#refusal(`nested more than ${maxDepth} levels deep`);
    const token = this.#unsigned(1);
    if (token <= 0x7f || token >= 0xe0) return;
    if (token <= 0x8f) return this.#map(token & 0x0f, depth);
    if (token <= 0x9f) return this.#array(token & 0x0f, depth);
    if (token <= 0xbf) return this.#skip(token & 0x1f);
    this.#long(token, depth);
  }

  #long(token: number, depth: number): void {
    switch (token) {
      case 0xc0: // nil, false, true
      case 0xc2:
      case 0xc3:
        return;
      case 0xc4: // bytes and strings by the width of their length
      case 0xd9:
        return this.#skip(this.#unsigned(1));
      case 0xc5:
      case 0xda:
        return this.#skip(this.#unsigned(2));
      case 0xc6:
      case 0xdb:
        return this.#skip(this.#unsigned(4));
      case 0xcc: // numbers by their width
      case 0xd0:
        return this.#skip(1);
      case 0xcd:
      case 0xd1:
        return this.#skip(2);
      case 0xca:
      case 0xce:
      case 0xd2:
        return this.#skip(4);
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return this.#skip(8);
      case 0xdc:
        return this.#array(this.#unsigned(2), depth);
      case 0xdd:
        return this.#array(this.#unsigned(4), depth);
      case 0xde:
        return this.#map(this.#unsigned(2), depth);
      case 0xdf:
        return this.#map(this.#unsigned(4), depth);
      case 0xd4: // msgpackr's undefined: extension 0 with one zero byte
        if (this.#unsigned(2) === 0) return;
    }
    throw this.#refusal(`type 0x${token.toString(16)} is not allowed`);
  }

  #array(count: number, depth: number): void {
    this.#needs(count);
    for (let i = 0; i < count; i++) this.value(depth + 1);
  }

  #map(count: number, depth: number): void {
    this.#needs(2 * count);
    for (let i = 0; i < count; i++) {
      this.#key();
      this.value(depth + 1);
    }
  }

  #key(): void {
    const token = this.#bytes[this.#at] ?? 0;
    const isString = (token >= 0xa0 && token <= 0xbf) || (token >= 0xd9 && token <= 0xdb);
    if (!isString) throw this.#refusal('a map key is not a string');
    this.value(0);
  }

  #skip(count: number): void {
    this.#needs(count);
    this.#at += count;
  }

  #unsigned(width: 1 | 2 | 4): number {
    this.#needs(width);
    const at = this.#at;
    this.#at += width;
    if (width === 1) return this.#view.getUint8(at);
    return width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  /** Every value takes at least one byte, so a claim beyond the end is refused before anything is read. */
  #needs(count: number): void {
    if (this.#at + count > this.#bytes.length) throw this.#refusal('cut short');
  }

  #refusal(reason: string): MicrotuneError {
    return new MicrotuneError('transient', `${reason} (at byte ${this.#at})`);
  }
}

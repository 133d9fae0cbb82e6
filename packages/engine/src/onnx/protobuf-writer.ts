/**
 * Writes protobuf wire format: just the four shapes that ONNX files need. Pieces are collected and joined once, so a
 * large constant is copied once per enclosing message.
 * Source: protobuf.dev/programming-guides/encoding.
 */
const utf8 = new TextEncoder();

export class ProtobufWriter {
  readonly #pieces: Uint8Array[] = [];
  #byteLength = 0;

  /** int32, int64, enum or bool; negative numbers take ten bytes, as the format wants. */
  integer(field: number, value: number): this {
    this.#varint(BigInt(field << 3));
    return this.#varint(BigInt.asUintN(64, BigInt(value)));
  }

  float(field: number, value: number): this {
    this.#varint(BigInt((field << 3) | 5));
    return this.#append(new Uint8Array(Float32Array.of(value).buffer));
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.#varint(BigInt((field << 3) | 2));
    this.#varint(BigInt(bytes.byteLength));
    return this.#append(bytes);
  }

  text(field: number, text: string): this {
    return this.bytes(field, utf8.encode(text));
  }

  message(field: number, message: ProtobufWriter): this {
    return this.bytes(field, message.finish());
  }

  finish(): Uint8Array {
    const joined = new Uint8Array(this.#byteLength);
    let offset = 0;
    for (const piece of this.#pieces) {
      joined.set(piece, offset);
      offset += piece.byteLength;
    }
    return joined;
  }

  #varint(value: bigint): this {
    const bytes: number[] = [];
    for (let rest = value; ; rest >>= 7n) {
      if (rest < 128n) return this.#append(Uint8Array.of(...bytes, Number(rest)));
      bytes.push(Number(rest & 127n) | 128);
    }
  }

  #append(piece: Uint8Array): this {
    this.#pieces.push(piece);
    this.#byteLength += piece.byteLength;
    return this;
  }
}

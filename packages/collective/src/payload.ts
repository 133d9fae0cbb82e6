/** The tensor of a frame, wherever its bytes are until they are copied. */
export interface Payload {
  readonly byteLength: number;
  /** Fills `target`, which has `byteLength` bytes. @throws MicrotuneError `transient` when the sender is gone */
  copyTo(target: Uint8Array): void;
}

/** Bytes that are here. */
export function payloadOf(bytes: Uint8Array): Payload {
  return { byteLength: bytes.byteLength, copyTo: (target) => target.set(bytes) };
}

/** A copy of its own. */
export function copyOf(payload: Payload): Uint8Array {
  const bytes = new Uint8Array(payload.byteLength);
  payload.copyTo(bytes);
  return bytes;
}

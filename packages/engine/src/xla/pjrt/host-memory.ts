/** JavaScript memory as native code sees it. */
import koffi from 'koffi';

/**
 * The bytes of a view. V8 keeps the elements of a small typed array inside its moving heap until somebody asks for
 * its ArrayBuffer; asking, as here, puts them in memory that stays where it is.
 */
export function fixedBytes(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Where a view begins. Valid while its buffer is neither freed nor detached. */
export function addressOf(view: ArrayBufferView): bigint {
  const cell = new BigUint64Array(1);
  koffi.encode(cell, 'void *', fixedBytes(view));
  return cell[0] ?? 0n;
}

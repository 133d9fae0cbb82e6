/** Native code through koffi: loading shared libraries, and JavaScript memory as they see it. */
import koffi from 'koffi';
import type { IKoffiLib, LoadOptions } from 'koffi';

/**
 * What a thread of C has. koffi runs a call on a stack of its own, 128 KiB for one that does not block, with other memory
 * right below: XLA's compiler for CPUs takes half of it, and a compiler that recurses deeper would write there.
 */
const asyncStackBytes = 8 * 2 ** 20;

/**
 * @param file null for what this process has loaded already, the C library among it
 * @throws Error what the loader says when a library is missing or of another kind
 */
export function loadLibrary(file: string | null, options: LoadOptions = {}): IKoffiLib {
  if (koffi.config().async_stack_size !== asyncStackBytes) enlargeStacks();
  return koffi.load(file, options);
}

function enlargeStacks(): void {
  try {
    koffi.config({ async_stack_size: asyncStackBytes });
  } catch {
    // An application that has loaded libraries through koffi before us has decided.
  }
}

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

/** The name of what a call of the C library failed with, e.g. `ESRCH`: ask right after it. */
export function lastError(): string {
  const number = koffi.errno();
  const name = Object.keys(koffi.os.errno).find((key) => koffi.os.errno[key] === number);
  return name ?? `error ${number}`;
}

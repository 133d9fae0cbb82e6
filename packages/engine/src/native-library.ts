/** Loading of shared libraries, for all engines. */
import koffi from 'koffi';
import type { IKoffiLib, LoadOptions } from 'koffi';

/**
 * What a thread of C has. koffi runs a call on a stack of its own, 128 KiB for one that does not block, with other memory
 * right below: XLA's compiler for CPUs takes half of it, and a compiler that recurses deeper would write there.
 */
const asyncStackBytes = 8 * 2 ** 20;

/** @throws Error what the loader says when a library is missing or of another kind */
export function loadLibrary(file: string, options: LoadOptions = {}): IKoffiLib {
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

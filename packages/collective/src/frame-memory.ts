/**
 * Gives received frames back to libzmq before V8 takes fright.
 *
 * zeromq.js hands out a frame as a Buffer over libzmq's memory and counts its bytes twice as external memory. When those
 * grow by some 16 to 64 MB, V8 starts a full mark-compact of the whole heap: without this file, 2 in every all-reduce of
 * 64 MiB, 100 ms of processor time with 60 MB of heap. Frames die young, though, so collecting the young generation
 * every few MiB, about 0.3 ms each, frees them in time. The event loop has to turn for that: finalizers run on its next
 * round, and a receiver that always finds a frame never lets it.
 *
 * A process should also start with `--initial-old-space-size=256`: the growth V8 allows before a full collection follows
 * from the size of the heap, and is too small for large frames in a small heap.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const collectEveryBytes = 8 * 2 ** 20;

type Collect = (options: { type: 'minor' }) => void;

/** Called with the size of every frame received; collects when enough have come. */
export function createFrameMemory(): (receivedBytes: number) => Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('globalThis.gc') as Collect | undefined;
  let bytes = 0;
  return async (receivedBytes) => {
    bytes += receivedBytes;
    if (bytes < collectEveryBytes) return;
    bytes = 0;
    collect?.({ type: 'minor' });
    await nextTurn();
  };
}

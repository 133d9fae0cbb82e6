/**
 * Writes to a file, leaving out what is zero: a hole reads as zeros and takes no room. The moments of a table's rows that
 * were never in a batch are exactly zero, which is most of a vocabulary in a short run.
 */
import type { FileHandle } from 'node:fs/promises';

/** Blocks of file systems. */
const blockBytes = 4096;
/** A shorter row of empty blocks is written with what is around it: a call costs more than it saves. */
const leastEmptyBlocks = 4;
/** Node and the kernel take up to 2 GiB at once. */
const mostBytes = 64 * 1024 * 1024;
const zeros = Buffer.alloc(blockBytes);

/**
 * The file must have nothing at `position` yet, and be given its whole length by the caller: trailing zeros do not extend it.
 * @returns the position after the bytes
 */
export async function writeSparsely(
  handle: FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<number> {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let from = 0;
  let empty = 0;
  for (let at = 0; at < view.length;) {
    const end = Math.min(view.length, at + blockBytes - ((position + at) % blockBytes));
    const isEmpty = zeros.compare(view, at, end, 0, end - at) === 0;
    if (isEmpty) empty++;
    else {
      if (empty >= leastEmptyBlocks) {
        await writeFully(handle, view.subarray(from, beginOfEmpty(at)), position + from);
        from = at;
      }
      empty = 0;
    }
    at = end;
  }
  await writeFully(
    handle,
    view.subarray(from, empty > 0 ? beginOfEmpty(view.length) : view.length),
    position + from,
  );
  return position + view.length;

  function beginOfEmpty(end: number): number {
    const blocksEnd = Math.ceil((position + end) / blockBytes) * blockBytes;
    return Math.max(from, blocksEnd - empty * blockBytes - position);
  }
}

async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(mostBytes, bytes.length - done);
    const { bytesWritten } = await handle.write(bytes, done, length, position + done);
    done += bytesWritten;
  }
}

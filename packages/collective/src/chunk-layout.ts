/**
 * Which rank adds which part of the flat gradient, and how a part is cut into frames: a pure function of the number of
 * values and ranks, so all ranks agree without talking. Parts and chunks begin at multiples of 16 values (64 bytes).
 */

export interface ValueRange {
  /** In float32 values from the start of the gradient. */
  readonly start: number;
  readonly count: number;
}

const unitValues = 16;
/** A part has at least this many chunks, for sending, adding and receiving to overlap, … */
const chunksPerPart = 8;
/** … as long as chunks do not get smaller than this, where the cost per frame begins to show. */
const minimumChunkBytes = 256 * 1024;

/** Chunks of every owner: `[rank][chunk]`. */
export function chunksByOwner(
  count: number,
  worldSize: number,
  chunkBytes: number,
): readonly (readonly ValueRange[])[] {
  const units = Math.ceil(count / unitValues);
  const bound = (rank: number): number =>
    Math.min(Math.floor((units * rank) / worldSize) * unitValues, count);
  return Array.from({ length: worldSize }, (_, rank) => {
    const start = bound(rank);
    return chunksOf(
      { start, count: (rank + 1 === worldSize ? count : bound(rank + 1)) - start },
      chunkBytes,
    );
  });
}

function chunksOf({ start, count }: ValueRange, chunkBytes: number): ValueRange[] {
  const chunkValues = valuesPerChunk(count, chunkBytes);
  const chunks: ValueRange[] = [];
  for (let at = 0; at < count; at += chunkValues) {
    chunks.push({ start: start + at, count: Math.min(chunkValues, count - at) });
  }
  return chunks;
}

function valuesPerChunk(count: number, chunkBytes: number): number {
  const smallest = Math.min(minimumChunkBytes, chunkBytes);
  const bytes = Math.min(chunkBytes, Math.max(smallest, (count * 4) / chunksPerPart));
  return Math.ceil(bytes / 4 / unitValues) * unitValues;
}

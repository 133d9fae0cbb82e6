/** Rows of a large table: gathered for a batch, and the gradients of a batch's positions summed by row. */
import { MicrotuneError, assert } from '@microtune/shared';

export interface RowsOfTable {
  /** [rows, width] row-major. */
  readonly table: Float32Array;
  /** [positions] */
  readonly ids: Int32Array;
  readonly width: number;
}

/**
 * destination[i] = table[ids[i]].
 * @param destination [positions, width]
 * @throws MicrotuneError `internal` naming the position of an id outside the table
 */
export function gatherRows(destination: Float32Array, { table, ids, width }: RowsOfTable): void {
  assert(destination.length === ids.length * width, 'one row of the destination per id');
  const rows = table.length / width;
  for (let position = 0; position < ids.length; position++) {
    const id = ids[position] ?? -1;
    if (id < 0 || id >= rows) {
      const reason = `internal: id ${id} at position ${position} of a table of ${rows} rows`;
      throw new MicrotuneError('internal', reason);
    }
    destination.set(table.subarray(id * width, (id + 1) * width), position * width);
  }
}

/**
 * Adds the rows of equal ids in the order of their positions, so the bits depend on the batch alone.
 * @param values [positions, width]
 * @returns `ids` ascending and unique, `values` [ids.length, width]
 */
export function sumRowsById(
  values: Float32Array,
  ids: Int32Array,
  width: number,
): { ids: Int32Array; values: Float32Array } {
  assert(values.length === ids.length * width, 'one row of values per id');
  const unique = Int32Array.from(new Set(ids)).sort();
  const offsets = new Map<number, number>();
  unique.forEach((id, row) => offsets.set(id, row * width));
  const sums = new Float32Array(unique.length * width);
  const started = new Set<number>();
  for (let position = 0; position < ids.length; position++) {
    const id = ids[position] as number;
    const to = offsets.get(id) as number;
    const from = position * width;
    if (started.has(id)) addRow(sums, to, values, { from, width });
    else sums.set(values.subarray(from, from + width), to);
    started.add(id);
  }
  return { ids: unique, values: sums };
}

function addRow(
  sums: Float32Array,
  to: number,
  values: Float32Array,
  { from, width }: { from: number; width: number },
): void {
  for (let i = 0; i < width; i++) {
    sums[to + i] = (sums[to + i] as number) + (values[from + i] as number);
  }
}

/** The few nonzero rows of a whole table's gradient, as the worker hands them to the optimizer. */
import type { SparseRows } from '../src/optimizer/row-table.js';

export function sparseRows(
  gradient: Float32Array,
  width: number,
  ids: readonly number[],
): SparseRows {
  const unique = [...new Set(ids)].sort((a, b) => a - b);
  const values = new Float32Array(unique.length * width);
  unique.forEach((id, i) => {
    values.set(gradient.subarray(id * width, (id + 1) * width), i * width);
  });
  return { ids: Int32Array.from(unique), values };
}

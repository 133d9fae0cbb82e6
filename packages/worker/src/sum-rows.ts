/** Gradients of the positions of a batch -> gradients of the table rows they came from. */
import type { SparseRows } from '@microtune/collective';

/**
 * Adds up the gradients of equal ids in the order of their positions, so the bits do not depend on how ids are sorted.
 * @param ids [positions] row numbers of the table
 * @param gradients [positions, width]
 */
export function sumRowsById(ids: Int32Array, gradients: Float32Array, width: number): SparseRows {
  const unique = Int32Array.from(new Set(ids)).sort();
  const rowOfId = new Map<number, number>();
  unique.forEach((id, row) => rowOfId.set(id, row));
  const values = new Float32Array(unique.length * width);
  ids.forEach((id, position) => {
    const to = (rowOfId.get(id) ?? 0) * width;
    const from = position * width;
    for (let i = 0; i < width; i++)
      values[to + i] = (values[to + i] ?? 0) + (gradients[from + i] ?? 0);
  });
  return { ids: unique, values };
}

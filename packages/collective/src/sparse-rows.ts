/** Row-sparse gradients of large tables, and their sum. */

/** Gradient of a few rows of a large table: `ids` ascending and unique, `values` [ids.length, width] row-major. */
export interface SparseRows {
  readonly ids: Int32Array;
  readonly values: Float32Array;
}

/**
 * Row-wise left + right; a row that only one side has is taken as it is.
 * @param left ids [L], values [L, width]
 * @param right ids [R], values [R, width]
 */
export function addRows(left: SparseRows, right: SparseRows, width: number): SparseRows {
  if (left.ids.length === 0) return right;
  if (right.ids.length === 0) return left;
  const ids = unionOf(left.ids, right.ids);
  const values = new Float32Array(ids.length * width);
  let l = 0;
  let r = 0;
  for (let row = 0; row < ids.length; row++) {
    const id = ids[row];
    const to = row * width;
    const inLeft = left.ids[l] === id;
    const inRight = right.ids[r] === id;
    if (inLeft && inRight) {
      addRow({ values, to, width }, left.values, l * width, { right: right.values, at: r * width });
    } else {
      const [source, at] = inLeft ? [left.values, l] : [right.values, r];
      values.set(source.subarray(at * width, (at + 1) * width), to);
    }
    if (inLeft) l++;
    if (inRight) r++;
  }
  return { ids, values };
}

interface RowTarget {
  values: Float32Array;
  to: number;
  width: number;
}

function addRow(
  { values, to, width }: RowTarget,
  left: Float32Array,
  from: number,
  { right, at }: { right: Float32Array; at: number },
): void {
  for (let i = 0; i < width; i++) {
    values[to + i] = (left[from + i] as number) + (right[at + i] as number);
  }
}

/** Two ascending lists without repetitions -> one. */
function unionOf(left: Int32Array, right: Int32Array): Int32Array {
  const ids = new Int32Array(left.length + right.length);
  let count = 0;
  let l = 0;
  let r = 0;
  while (l < left.length || r < right.length) {
    const a = left[l] ?? Infinity;
    const b = right[r] ?? Infinity;
    ids[count++] = Math.min(a, b);
    if (a <= b) l++;
    if (b <= a) r++;
  }
  return ids.slice(0, count);
}

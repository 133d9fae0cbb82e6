/**
 * AdamW of a large table of which a step touches few rows.
 *
 * A row whose gradient has never been nonzero has zero moments, and without weight decay its update is exactly
 * nothing: such rows are skipped. Every other row is updated each step, as dense AdamW does, because its moments
 * go on decaying and moving it. So the result has the bits of dense AdamW, and the set of touched rows is no state
 * of its own: it is the rows whose moments are not zero.
 */
import {
  marksCount,
  type AdamWStep,
  type Arena,
  type RowMarks,
  type Slot,
  type TableSlots,
} from '@microtune/arena';
import { assert } from '@microtune/shared';
import { SlotWindow } from './slot-window.js';

/** Gradient of a few rows: `ids` ascending and unique, `values` [ids.length, width] row-major. */
export interface SparseRows {
  readonly ids: Int32Array;
  readonly values: Float32Array;
}

/** Rows of gradient copied into the arena at a time. */
const stagedRows = 128;

/** Numbers that a RowTable takes of an arena beside its slots. @param shape rows and width */
export function rowTableCount([rows, width]: readonly [number, number]): number {
  return stagedRows * width + marksCount(rows);
}

export class RowTable {
  readonly #arena: Arena;
  readonly #width: number;
  readonly #slots: TableSlots;
  readonly #staging: Slot;
  /** By row: 1 once its moments may be nonzero. */
  readonly #touched: RowMarks;
  readonly #windows: Record<'parameter' | 'gradient' | 'm' | 'v', SlotWindow>;

  /** @param shape rows and width; width a multiple of 4 */
  constructor(arena: Arena, shape: readonly [number, number], slots: TableSlots) {
    const [rows, width] = shape;
    assert(width % 4 === 0, `rows of ${width} numbers are not a multiple of 4`);
    this.#arena = arena;
    this.#width = width;
    this.#slots = slots;
    this.#staging = arena.allocate(stagedRows * width);
    this.#touched = arena.allocateMarks(rows);
    this.#windows = {
      parameter: new SlotWindow(slots.parameter),
      gradient: new SlotWindow(this.#staging),
      m: new SlotWindow(slots.m),
      v: new SlotWindow(slots.v),
    };
  }

  /** Finds the touched rows again after the moments were loaded. */
  resume(): void {
    const { m, v } = this.#slots;
    const width = this.#width;
    const touched = this.#touched.view;
    touched.forEach((_, row) => {
      const from = row * width;
      const isZero = (view: Float32Array): boolean =>
        view.subarray(from, from + width).every((value) => value === 0);
      touched[row] = isZero(m.view) && isZero(v.view) ? 0 : 1;
    });
  }

  update(gradient: SparseRows, step: AdamWStep): void {
    const { ids, values } = gradient;
    assert(values.length === ids.length * this.#width, 'one gradient row per id');
    // First all rows whose gradient is zero. Weight decay moves all of them, momentum only the touched ones.
    const touched = this.#touched.view;
    if (step.weightDecay !== 0) touched.fill(1);
    for (const id of ids) touched[id] = 0;
    this.#arena.adamwMarked(this.#slots, this.#touched, step);
    for (const id of ids) touched[id] = 1;
    for (let at = 0; at < ids.length;) {
      if (at % stagedRows === 0) this.#stage(gradient, at);
      const end = runEnd(ids, at, at - (at % stagedRows) + stagedRows);
      this.#updateWith(ids[at] ?? 0, { staged: at % stagedRows, count: end - at }, step);
      at = end;
    }
  }

  #stage({ values }: SparseRows, at: number): void {
    const from = at * this.#width;
    this.#staging.view.set(values.subarray(from, from + stagedRows * this.#width));
  }

  /** Rows [row, row + count) with the gradients that lie at `staged` in the staging slot. */
  #updateWith(row: number, run: { staged: number; count: number }, step: AdamWStep): void {
    const { parameter, gradient, m, v } = this.#windows;
    const start = row * this.#width;
    const count = run.count * this.#width;
    this.#arena.adamw(
      parameter.over(start, count),
      gradient.over(run.staged * this.#width, count),
      m.over(start, count),
      v.over(start, count),
      step,
    );
  }
}

/** End of the run of consecutive ids that starts at `at`, not beyond `limit`. */
function runEnd(ids: Int32Array, at: number, limit: number): number {
  const stop = Math.min(limit, ids.length);
  const offset = (ids[at] ?? 0) - at;
  let end = at + 1;
  while (end < stop && ids[end] === end + offset) end++;
  return end;
}

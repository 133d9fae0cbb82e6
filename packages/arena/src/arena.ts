/**
 * The arena: parameters, gradients and optimizer moments as flat float32 slots in WebAssembly memories. Its views are also
 * the engines' host buffers, so a memory never grows (growing would detach every view); what one memory of 4 GiB has no
 * room for goes to another, as it is allocated. Loops over slots are SIMD kernels in assembly/kernels.ts, which see one
 * memory: operands of other memories are copied to and fro in pieces that stay in the cache. That costs little, but what
 * is used together is best allocated in a row.
 */

/** A region of the arena, in one memory. `view` stays valid for the arena's life. */
export interface Slot {
  /** Which of the arena's memories, from 0. */
  readonly memory: number;
  /** Address in that memory, a multiple of 64. */
  readonly byteOffset: number;
  /** Number of float32 values. */
  readonly count: number;
  readonly view: Float32Array;
}

/** AdamW of one step over one region. Formula and order of operations as torch.optim.AdamW (decoupled weight decay). */
export interface AdamWStep {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** 1-based count of updates, for the bias corrections 1 - beta^step. */
  step: number;
  /** Multiplied into the gradient as it is read: 1 / weight x clip coefficient. */
  gradientScale: number;
}

/** A table of rows with its moments, all of the same count. */
export interface TableSlots {
  readonly parameter: Slot;
  readonly m: Slot;
  readonly v: Slot;
}

/** One byte per row of a table, in the arena: 0 is unmarked. */
export interface RowMarks {
  readonly memory: number;
  readonly byteOffset: number;
  readonly view: Uint8Array;
}

export interface Arena {
  /**
   * Reserves `count` float32 values, 64-byte aligned, zeroed, in the first memory that has room, or a new one.
   * @throws MicrotuneError `usage` for more values than a memory holds, or when the system gives no more address space
   */
  allocate(count: number): Slot;
  /** A part of a slot, starting `start` values into it (a multiple of 4). */
  part(slot: Slot, start: number, count: number): Slot;
  /** destination[i] += source[i]. Slots must have equal counts; may be in any order in memory. */
  add(destination: Slot, source: Slot): void;
  /** destination[i] = left[i] + right[i]. */
  sum(destination: Slot, left: Slot, right: Slot): void;
  copy(destination: Slot, source: Slot): void;
  fill(destination: Slot, value: number): void;
  /** Sum of squares in float64, in a fixed order that depends on the count alone. */
  sumOfSquares(source: Slot): number;
  /** Updates parameter and moments in place from the gradient. A gradient of `undefined` means all zeros. */
  adamw(parameter: Slot, gradient: Slot | undefined, m: Slot, v: Slot, step: AdamWStep): void;
  /** The same with a gradient of zeros, for the marked rows of a table alone. */
  adamwMarked(table: TableSlots, marks: RowMarks, step: AdamWStep): void;
  /** Reserves a mark for each of `rows` rows (`marksCount` values), none set. */
  allocateMarks(rows: number): RowMarks;
}

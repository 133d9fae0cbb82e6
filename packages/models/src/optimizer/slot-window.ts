/**
 * A part of a slot that slides: the optimizer walks thousands of rows a step, and a new Float32Array for each costs
 * more than the update of the row. Valid until the next `over`.
 */
import type { Slot } from '@microtune/arena';

export class SlotWindow implements Slot {
  readonly #slot: Slot;
  #start = 0;
  #count = 0;

  constructor(slot: Slot) {
    this.#slot = slot;
  }

  /** Moves to `count` numbers from `start`, a multiple of 4. */
  over(start: number, count: number): this {
    this.#start = start;
    this.#count = count;
    return this;
  }

  get memory(): number {
    return this.#slot.memory;
  }

  get byteOffset(): number {
    return this.#slot.byteOffset + this.#start * Float32Array.BYTES_PER_ELEMENT;
  }

  get count(): number {
    return this.#count;
  }

  get view(): Float32Array {
    return this.#slot.view.subarray(this.#start, this.#start + this.#count);
  }
}

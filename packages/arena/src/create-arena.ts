/** The one Arena: a WebAssembly memory of fixed size, a bump allocator, and the compiled kernels. */
import { readFile } from 'node:fs/promises';
import { assert, MicrotuneError } from '@microtune/shared';
import type { AdamWStep, Arena, RowMarks, Slot, TableSlots } from './arena.js';

/** Exports of assembly/kernels.ts: addresses and counts are unsigned 32-bit. */
interface Kernels {
  sum(destination: number, left: number, right: number, count: number): void;
  copy(destination: number, source: number, count: number): void;
  fill(destination: number, value: number, count: number): void;
  sumOfSquares(source: number, count: number): number;
  // prettier-ignore
  adamw(parameter: number, gradient: number, m: number, v: number, count: number,
    gradientScale: number, decay: number, lerp: number, beta2: number, squareWeight: number,
    rootScale: number, epsilon: number, stepSize: number): void;
  // prettier-ignore
  adamwMarked(marks: number, rows: number, width: number, parameter: number, zeros: number, m: number, v: number,
    gradientScale: number, decay: number, lerp: number, beta2: number, squareWeight: number,
    rootScale: number, epsilon: number, stepSize: number): void;
}

const pageBytes = 65_536;
const alignmentBytes = 64;
/** wasm32 addresses end here. */
const maximumPages = 65_536;
/** Values of the zero region that stands for a gradient of zeros. */
const zeroCount = 16_384;

const aligned = (byteOffset: number): number =>
  Math.ceil(byteOffset / alignmentBytes) * alignmentBytes;

/** Bytes `count` values take in an arena: use it to compute a capacity from several slots. */
export const alignedFloats = (count: number): number => aligned(count * 4) / 4;

/** Values that the marks of so many rows take in an arena. */
export const marksCount = (rows: number): number => alignedFloats(Math.ceil(rows / 4));

/**
 * Creates an arena for `capacityFloats` float32 values in all its slots (each rounded up by `alignedFloats`).
 * The operating system gives pages as they are touched, so an unused reserve costs nothing.
 * @throws MicrotuneError `usage` when the capacity exceeds the 4 GiB of a WebAssembly memory
 */
export async function createArena(capacityFloats: number): Promise<Arena> {
  const bytes = alignmentBytes + aligned(zeroCount * 4) + aligned(capacityFloats * 4);
  const pages = Math.ceil(bytes / pageBytes);
  if (pages > maximumPages) {
    throw new MicrotuneError(
      'usage',
      `parameters, gradients and moments need ${(bytes / 2 ** 30).toFixed(2)} GiB, one arena holds at most 4 GiB: ` +
        'train a smaller model or fewer parameters',
    );
  }
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  // From src/ (tests) as well as from dist/.
  const source = await readFile(new URL('../dist/kernels.wasm', import.meta.url));
  const { instance } = await WebAssembly.instantiate(source, { env: { memory } });
  return new WasmArena(memory, instance.exports as unknown as Kernels);
}

class WasmArena implements Arena {
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: Kernels;
  #nextByte = alignmentBytes;
  readonly #zeros: Slot;

  constructor(memory: WebAssembly.Memory, kernels: Kernels) {
    this.#memory = memory;
    this.#kernels = kernels;
    this.#zeros = this.allocate(zeroCount);
  }

  allocate(count: number): Slot {
    assert(Number.isInteger(count) && count >= 0, `arena slot of ${count} values`);
    const byteOffset = this.#nextByte;
    const end = aligned(byteOffset + count * 4);
    assert(
      end <= this.#memory.buffer.byteLength,
      `arena of ${this.#memory.buffer.byteLength} bytes is full: ${end} needed`,
    );
    this.#nextByte = end;
    return { byteOffset, count, view: new Float32Array(this.#memory.buffer, byteOffset, count) };
  }

  part(slot: Slot, start: number, count: number): Slot {
    assert(start % 4 === 0, `part of a slot starts at ${start}, not a multiple of 4`);
    assert(
      start >= 0 && start + count <= slot.count,
      `part [${start}, +${count}) of ${slot.count}`,
    );
    const byteOffset = slot.byteOffset + start * 4;
    return { byteOffset, count, view: new Float32Array(this.#memory.buffer, byteOffset, count) };
  }

  add(destination: Slot, source: Slot): void {
    this.sum(destination, destination, source);
  }

  sum(destination: Slot, left: Slot, right: Slot): void {
    assertSameCount(destination, left);
    assertSameCount(destination, right);
    const { byteOffset, count } = destination;
    this.#kernels.sum(byteOffset, left.byteOffset, right.byteOffset, count);
  }

  copy(destination: Slot, source: Slot): void {
    assertSameCount(destination, source);
    this.#kernels.copy(destination.byteOffset, source.byteOffset, source.count);
  }

  fill(destination: Slot, value: number): void {
    this.#kernels.fill(destination.byteOffset, value, destination.count);
  }

  sumOfSquares(source: Slot): number {
    return this.#kernels.sumOfSquares(source.byteOffset, source.count);
  }

  adamw(...[parameter, gradient, m, v, step]: Parameters<Arena['adamw']>): void {
    assertSameCount(parameter, m);
    assertSameCount(parameter, v);
    if (gradient) {
      assertSameCount(parameter, gradient);
      this.#adamwRegion([parameter, gradient, m, v], parameter.count, step);
      return;
    }
    for (let start = 0; start < parameter.count; start += zeroCount) {
      const count = Math.min(zeroCount, parameter.count - start);
      const at = (slot: Slot): { byteOffset: number } => ({
        byteOffset: slot.byteOffset + start * 4,
      });
      this.#adamwRegion([at(parameter), this.#zeros, at(m), at(v)], count, step);
    }
  }

  adamwMarked({ parameter, m, v }: TableSlots, marks: RowMarks, step: AdamWStep): void {
    assertSameCount(parameter, m);
    assertSameCount(parameter, v);
    const rows = marks.view.length;
    const width = parameter.count / rows;
    assert(width <= zeroCount, `rows of ${width} values, at most ${zeroCount}`);
    this.#kernels.adamwMarked(
      marks.byteOffset,
      rows,
      width,
      parameter.byteOffset,
      this.#zeros.byteOffset,
      m.byteOffset,
      v.byteOffset,
      ...factors(step),
    );
  }

  allocateMarks(rows: number): RowMarks {
    const { byteOffset } = this.allocate(marksCount(rows));
    return { byteOffset, view: new Uint8Array(this.#memory.buffer, byteOffset, rows) };
  }

  #adamwRegion(
    [parameter, gradient, m, v]: readonly [Address, Address, Address, Address],
    count: number,
    step: AdamWStep,
  ): void {
    this.#kernels.adamw(
      parameter.byteOffset,
      gradient.byteOffset,
      m.byteOffset,
      v.byteOffset,
      count,
      ...factors(step),
    );
  }
}

/** What the kernels want of a step, in their order. */
function factors(step: AdamWStep) {
  return [
    step.gradientScale,
    1 - step.learningRate * step.weightDecay,
    1 - step.beta1,
    step.beta2,
    1 - step.beta2,
    Math.sqrt(1 - step.beta2 ** step.step),
    step.epsilon,
    step.learningRate / (1 - step.beta1 ** step.step),
  ] as const;
}

type Address = Pick<Slot, 'byteOffset'>;

function assertSameCount(left: Slot, right: Slot): void {
  assert(left.count === right.count, `slots of ${left.count} and ${right.count} values`);
}

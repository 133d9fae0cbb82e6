/** The one Arena: WebAssembly memories of fixed size, each with a bump allocator and the compiled kernels. */
import { readFile } from 'node:fs/promises';
import { assert, MicrotuneError } from '@microtune/shared';
import type { AdamWStep, Arena, RowMarks, Slot, TableSlots } from './arena.js';
import { ArenaMemory, type Address } from './arena-memory.js';
import { chunkCount, maximumBytes } from './arena-memory.js';

const alignmentBytes = 64;

const aligned = (byteOffset: number): number =>
  Math.ceil(byteOffset / alignmentBytes) * alignmentBytes;

/** Values that a slot of `count` takes in an arena. */
export const alignedFloats = (count: number): number => aligned(count * 4) / 4;

/** Values that the marks of so many rows take in an arena. */
export const marksCount = (rows: number): number => alignedFloats(Math.ceil(rows / 4));

export interface ArenaOptions {
  /** Largest memory. @default what a WebAssembly memory can have, 4 GiB */
  readonly memoryBytes?: number;
}

/**
 * Creates an arena for about `expectedFloats` float32 values in all its slots (each rounded up by `alignedFloats`): it
 * decides how large memories are made. The operating system gives pages as they are touched, so an unused reserve
 * costs nothing.
 */
export async function createArena(
  expectedFloats: number,
  { memoryBytes = maximumBytes }: ArenaOptions = {},
): Promise<Arena> {
  // From src/ (tests) as well as from dist/.
  const source = await readFile(new URL('../dist/kernels.wasm', import.meta.url));
  const kernels = await WebAssembly.compile(source);
  return new WasmArena(kernels, expectedFloats * 4, memoryBytes);
}

class WasmArena implements Arena {
  readonly #kernels: WebAssembly.Module;
  readonly #memoryBytes: number;
  readonly #memories: ArenaMemory[] = [];
  /** Of what was expected, not allocated yet. */
  #expectedBytes: number;

  constructor(kernels: WebAssembly.Module, expectedBytes: number, memoryBytes: number) {
    this.#kernels = kernels;
    this.#expectedBytes = expectedBytes;
    this.#memoryBytes = memoryBytes;
  }

  allocate(count: number): Slot {
    assert(Number.isInteger(count) && count >= 0, `arena slot of ${count} values`);
    const bytes = aligned(count * 4);
    let memory = this.#memories.findIndex((each) => each.freeBytes >= bytes);
    if (memory < 0) memory = this.#addMemory(bytes);
    this.#expectedBytes -= bytes;
    return this.#slot(memory, this.#at(memory).reserve(bytes), count);
  }

  part(slot: Slot, start: number, count: number): Slot {
    assert(start % 4 === 0, `part of a slot starts at ${start}, not a multiple of 4`);
    assert(
      start >= 0 && start + count <= slot.count,
      `part [${start}, +${count}) of ${slot.count}`,
    );
    return this.#slot(slot.memory, slot.byteOffset + start * 4, count);
  }

  add(destination: Slot, source: Slot): void {
    this.sum(destination, destination, source);
  }

  sum(destination: Slot, left: Slot, right: Slot): void {
    assertSameCount(destination, left);
    assertSameCount(destination, right);
    this.#inPieces(destination, [left, right], (count, to, [a, b]) => {
      this.#at(destination.memory).kernels.sum(to, a, b, count);
    });
  }

  copy(destination: Slot, source: Slot): void {
    assertSameCount(destination, source);
    const { kernels, buffer } = this.#at(destination.memory);
    if (destination.memory === source.memory) {
      kernels.copy(destination.byteOffset, source.byteOffset, source.count);
      return;
    }
    const from = new Float32Array(this.#at(source.memory).buffer, source.byteOffset, source.count);
    new Float32Array(buffer, destination.byteOffset, destination.count).set(from);
  }

  fill(destination: Slot, value: number): void {
    const { kernels } = this.#at(destination.memory);
    kernels.fill(destination.byteOffset, value, destination.count);
  }

  sumOfSquares(source: Slot): number {
    return this.#at(source.memory).kernels.sumOfSquares(source.byteOffset, source.count);
  }

  adamw(...[parameter, gradient, m, v, step]: Parameters<Arena['adamw']>): void {
    for (const slot of [gradient, m, v]) if (slot) assertSameCount(parameter, slot);
    const { kernels } = this.#at(parameter.memory);
    const all = factors(step);
    this.#inPieces(
      parameter,
      [gradient, m, v],
      (count, to, [g, first, second]) => kernels.adamw(to, g, first, second, count, ...all),
      [m, v],
    );
  }

  adamwMarked({ parameter, m, v }: TableSlots, marks: RowMarks, step: AdamWStep): void {
    assertSameCount(parameter, m);
    assertSameCount(parameter, v);
    const rows = marks.view.length;
    const width = parameter.count / rows;
    assert(width <= chunkCount, `rows of ${width} values, at most ${chunkCount}`);
    if ([m, v, marks].every(({ memory }) => memory === parameter.memory)) {
      const { kernels, zerosAt } = this.#at(parameter.memory);
      kernels.adamwMarked(
        marks.byteOffset,
        rows,
        width,
        parameter.byteOffset,
        zerosAt,
        m.byteOffset,
        v.byteOffset,
        ...factors(step),
      );
      return;
    }
    for (const { from, to } of markedRuns(marks.view)) {
      const [p, first, second] = [parameter, m, v].map((slot) =>
        this.part(slot, from * width, (to - from) * width),
      ) as [Slot, Slot, Slot];
      this.adamw(p, undefined, first, second, step);
    }
  }

  allocateMarks(rows: number): RowMarks {
    const { memory, byteOffset } = this.allocate(marksCount(rows));
    const view = new Uint8Array(this.#at(memory).buffer, byteOffset, rows);
    return { memory, byteOffset, view };
  }

  /**
   * Calls `kernel` with addresses in the memory of `home`: at once for all values where the operands are all there, else
   * for one piece after the other. An operand of undefined is all zeros.
   * @param written of the operands, those that the kernel changes
   */
  #inPieces<Operands extends readonly (Slot | undefined)[]>(
    home: Slot,
    operands: readonly [...Operands],
    kernel: (count: number, home: Address, at: { [K in keyof Operands]: Address }) => void,
    written: readonly Slot[] = [],
  ): void {
    type Addresses = { [K in keyof Operands]: Address };
    const memory = this.#at(home.memory);
    const isHere = (slot: Slot | undefined): boolean => slot?.memory === home.memory;
    if (operands.every(isHere)) {
      const addresses = operands.map((slot) => slot?.byteOffset) as unknown as Addresses;
      kernel(home.count, home.byteOffset, addresses);
      return;
    }
    for (let start = 0; start < home.count; start += chunkCount) {
      const count = Math.min(chunkCount, home.count - start);
      const addresses = operands.map((slot, index) => {
        if (slot === undefined) return memory.zerosAt;
        const from = slot.byteOffset + start * 4;
        return isHere(slot) ? from : memory.stage(index, this.#at(slot.memory), from, count);
      });
      kernel(count, home.byteOffset + start * 4, addresses as unknown as Addresses);
      for (const [index, slot] of operands.entries()) {
        if (slot === undefined || isHere(slot) || !written.includes(slot)) continue;
        memory.unstage(index, this.#at(slot.memory), slot.byteOffset + start * 4, count);
      }
    }
  }

  #slot(memory: number, byteOffset: number, count: number): Slot {
    const view = new Float32Array(this.#at(memory).buffer, byteOffset, count);
    return { memory, byteOffset, count, view };
  }

  #at(memory: number): ArenaMemory {
    const found = this.#memories[memory];
    assert(found, `the arena has no memory ${memory}`);
    return found;
  }

  /** As large as what is still expected, in the limits. @returns its number */
  #addMemory(bytes: number): number {
    if (bytes > ArenaMemory.roomIn(this.#memoryBytes)) {
      const gibibytes = (count: number): string => `${(count / 2 ** 30).toFixed(2)} GiB`;
      throw new MicrotuneError(
        'usage',
        `one tensor or gradient of ${gibibytes(bytes)}: a WebAssembly memory holds ${gibibytes(this.#memoryBytes)}; ` +
          'train a smaller model or fewer parameters',
      );
    }
    const wanted = ArenaMemory.sizeFor(Math.max(bytes, aligned(this.#expectedBytes)));
    const size = Math.min(wanted, this.#memoryBytes);
    return this.#memories.push(new ArenaMemory(this.#kernels, size)) - 1;
  }
}

/** Runs of rows whose mark is not 0. */
function* markedRuns(marks: Uint8Array): Generator<{ from: number; to: number }> {
  for (let row = 0; row < marks.length; row++) {
    if (marks[row] === 0) continue;
    const from = row;
    while (row < marks.length && marks[row] !== 0) row++;
    yield { from, to: row };
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

function assertSameCount(left: Slot, right: Slot): void {
  assert(left.count === right.count, `slots of ${left.count} and ${right.count} values`);
}

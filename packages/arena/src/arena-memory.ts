/**
 * One WebAssembly memory of an arena with the kernels over it. At its start lie zeros, which stand for a gradient of zeros,
 * and the staging regions, where pieces of other memories are copied for a kernel.
 */
import { MicrotuneError, messageOf } from '@microtune/shared';

/** In bytes from the start of a memory. */
export type Address = number;

/** Exports of assembly/kernels.ts: addresses and counts are unsigned 32-bit. */
export interface Kernels {
  sum(destination: Address, left: Address, right: Address, count: number): void;
  copy(destination: Address, source: Address, count: number): void;
  fill(destination: Address, value: number, count: number): void;
  sumOfSquares(source: Address, count: number): number;
  // prettier-ignore
  adamw(parameter: Address, gradient: Address, m: Address, v: Address, count: number,
    gradientScale: number, decay: number, lerp: number, beta2: number, squareWeight: number,
    rootScale: number, epsilon: number, stepSize: number): void;
  // prettier-ignore
  adamwMarked(marks: Address, rows: number, width: number, parameter: Address, zeros: Address, m: Address, v: Address,
    gradientScale: number, decay: number, lerp: number, beta2: number, squareWeight: number,
    rootScale: number, epsilon: number, stepSize: number): void;
}

/** Values of the zeros and of each staging region: 64 KiB, which stay in the cache of a core. */
export const chunkCount = 16_384;
const chunkBytes = chunkCount * Float32Array.BYTES_PER_ELEMENT;
/** Operands of a kernel besides the one that decides the memory. */
const stagingRegions = 3;
/** Address 0 stays unused. */
const zerosAt = 64;
const firstSlotAt = zerosAt + (1 + stagingRegions) * chunkBytes;

const pageBytes = 65_536;
/** wasm32 addresses end here. */
export const maximumBytes = 65_536 * pageBytes;

export class ArenaMemory {
  readonly kernels: Kernels;
  readonly buffer: ArrayBuffer;
  readonly zerosAt = zerosAt;
  #nextByte = firstSlotAt;

  /** @throws MicrotuneError `usage` when the system gives no more address space */
  constructor(kernels: WebAssembly.Module, bytes: number) {
    const pages = Math.floor(bytes / pageBytes);
    const memory = memoryOf(pages);
    this.buffer = memory.buffer;
    const instance = new WebAssembly.Instance(kernels, { env: { memory } });
    this.kernels = instance.exports as unknown as Kernels;
  }

  /** Bytes that a memory needs to hold slots of so many bytes together. */
  static sizeFor(slotBytes: number): number {
    return Math.ceil((firstSlotAt + slotBytes) / pageBytes) * pageBytes;
  }

  /** Bytes of slots that a memory of so many bytes holds. */
  static roomIn(bytes: number): number {
    return Math.floor(bytes / pageBytes) * pageBytes - firstSlotAt;
  }

  get freeBytes(): number {
    return this.buffer.byteLength - this.#nextByte;
  }

  /** @param bytes a multiple of 64, at most `freeBytes` */
  reserve(bytes: number): Address {
    const address = this.#nextByte;
    this.#nextByte += bytes;
    return address;
  }

  /** Copies `count` values of another memory into a staging region. @returns where they are */
  stage(region: number, other: ArenaMemory, from: Address, count: number): Address {
    const at = zerosAt + (1 + region) * chunkBytes;
    floats(this, at, count).set(floats(other, from, count));
    return at;
  }

  /** Copies a staging region back. */
  unstage(region: number, other: ArenaMemory, to: Address, count: number): void {
    const at = zerosAt + (1 + region) * chunkBytes;
    floats(other, to, count).set(floats(this, at, count));
  }
}

function floats({ buffer }: ArenaMemory, at: Address, count: number): Float32Array {
  return new Float32Array(buffer, at, count);
}

function memoryOf(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (cause) {
    const gibibytes = ((pages * pageBytes) / 2 ** 30).toFixed(2);
    throw new MicrotuneError(
      'usage',
      `the system gives no ${gibibytes} GiB of address space for parameters and gradients: ${messageOf(cause)} ` +
        '(see ulimit -v and vm.overcommit_memory)',
      { cause },
    );
  }
}

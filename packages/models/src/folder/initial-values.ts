/**
 * Values of parameters that no file gives, from the run's seed and the tensor's name alone, so that every worker
 * makes the same and one more missing tensor changes no other.
 * Distributions as transformers initialises them (PreTrainedModel._init_weights); the numbers are our own.
 */
import { createHash } from 'node:crypto';

export type InitialValue =
  | { readonly kind: 'normal'; readonly deviation: number; readonly zeroRow?: number }
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'constant'; readonly value: number }
  | LengthsOf;

/** The Euclidean lengths of the rows (axis 1) or columns (axis 0) of a matrix of the model. */
export interface LengthsOf {
  readonly kind: 'lengths';
  /** Name of the matrix. */
  readonly of: string;
  /** Summed over. */
  readonly axis: 0 | 1;
}

/** Sums in float64. @param matrix [rows, columns] */
export function fillLengths(
  destination: Float32Array,
  { axis }: LengthsOf,
  { values, shape }: { readonly values: Float32Array; readonly shape: readonly number[] },
): void {
  const [, columns = 1] = shape;
  const squares = new Float64Array(destination.length);
  for (const [i, value] of values.entries())
    squares[axis === 1 ? Math.floor(i / columns) : i % columns]! += value * value;
  for (const [i, square] of squares.entries()) destination[i] = Math.sqrt(square);
}

/** @param shape of the tensor; `zeroRow` (the pad token's) is left at zero */
export function fillInitial(
  destination: Float32Array,
  initial: Exclude<InitialValue, LengthsOf>,
  origin: { seed: number; name: string; shape: readonly number[] },
): void {
  if (initial.kind === 'constant') {
    destination.fill(initial.value);
    return;
  }
  const next = randomWords(`${origin.seed}/${origin.name}`);
  if (initial.kind === 'uniform') {
    for (let i = 0; i < destination.length; i++)
      destination[i] = initial.bound * ((2 * (next() + 0.5)) / 2 ** 32 - 1);
    return;
  }
  fillNormal(destination, initial.deviation, next);
  if (initial.zeroRow !== undefined) {
    const width = origin.shape[1] ?? 1;
    destination.fill(0, initial.zeroRow * width, (initial.zeroRow + 1) * width);
  }
}

/** Box-Muller: two uniform numbers give two independent normal ones. */
function fillNormal(destination: Float32Array, deviation: number, next: () => number): void {
  for (let i = 0; i < destination.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log((next() + 1) / 2 ** 32));
    const angle = (2 * Math.PI * next()) / 2 ** 32;
    destination[i] = radius * Math.cos(angle);
    // Beyond the end of an odd length this writes nothing.
    destination[i + 1] = radius * Math.sin(angle);
  }
}

/** Uniform 32-bit words: the generator sfc32 (Chris Doty-Humphrey, PractRand), seeded by SHA-256 of `origin`. */
function randomWords(origin: string): () => number {
  const digest = createHash('sha256').update(origin).digest();
  let a = digest.readInt32LE(0);
  let b = digest.readInt32LE(4);
  let c = digest.readInt32LE(8);
  let counter = 1;
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
}

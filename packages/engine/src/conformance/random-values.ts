/** Random test data that is the same in every run. */
import { elementCount, hostBuffer } from '../graph/shape.js';
import type { DType, HostBuffer, Shape } from '../graph-types.js';

/** Numbers in [0, 1): a linear congruential generator (Numerical Recipes). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface RandomTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly values?: readonly number[] | undefined;
}

export function randomTensor(spec: RandomTensor, next: () => number): HostBuffer {
  const { shape, dtype, from = -2, to = 2, values } = spec;
  const buffer = hostBuffer(shape, dtype);
  for (let at = 0; at < elementCount(shape); at++) {
    const number = from + next() * (to - from);
    buffer[at] = values?.[at] ?? (dtype === 'float32' ? number : Math.floor(number));
  }
  return buffer;
}

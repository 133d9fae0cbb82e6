import type { TensorSpec } from '@microtune/engine';

/** A zeroed buffer for a tensor of float32. */
export function floatsOf({ shape }: Pick<TensorSpec, 'shape'>): Float32Array {
  return new Float32Array(shape.reduce((product, dimension) => product * dimension, 1));
}

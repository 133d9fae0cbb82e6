/**
 * Buffers for any graph of a model, filled so that nothing becomes infinite: small weights, nothing dropped.
 * Speed does not depend on the values, so a measurement needs no files.
 */
import type { HostBuffer, TensorSpec } from '@microtune/engine';

/**
 * @param batch the inputs that a program declares (bench-model.ts)
 * @returns one buffer per input, by name: the batch's, and random ones for weights, rows of tables and masks
 */
export function syntheticInputs(
  specs: readonly TensorSpec[],
  batch: Readonly<Record<string, HostBuffer>>,
): Record<string, HostBuffer> {
  const random = uniform(1);
  return Object.fromEntries(
    specs.map((spec) => [spec.name, batch[spec.name] ?? syntheticInput(spec, random)]),
  );
}

/** @returns one zeroed buffer per output, by name */
export function outputBuffers(specs: readonly TensorSpec[]): Record<string, HostBuffer> {
  return Object.fromEntries(specs.map((spec) => [spec.name, emptyBuffer(spec)]));
}

function syntheticInput(spec: TensorSpec, random: () => number): HostBuffer {
  const buffer = emptyBuffer(spec);
  if (spec.dtype === 'bool') return buffer.fill(1);
  if (/LayerNorm\.weight$/.test(spec.name)) return buffer.fill(1);
  return (buffer as Float32Array).map(() => (random() - 0.5) * 0.07);
}

function emptyBuffer({ shape, dtype }: TensorSpec): HostBuffer {
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  if (dtype === 'float32') return new Float32Array(count);
  return dtype === 'int32' ? new Int32Array(count) : new Uint8Array(count);
}

/** Uniform in [0, 1): a linear congruential generator (Numerical Recipes), good enough for speed. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

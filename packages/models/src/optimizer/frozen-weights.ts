/**
 * What a model computes with and no step changes: host memory of its own, outside the arena, so that layout, sums, moments,
 * hashes and snapshots cover what is trained alone. Engines on the host read it where it lies, for every shard shape;
 * engines with memory of their own get a copy once. What a file holds in bfloat16 may stay so: half the memory for the same numbers.
 */
import { assert } from '@microtune/shared';
import type { Parameter } from '../program/program.js';
import { convertToFloat32 } from '../safetensors/dtype.js';
import { elementCount } from './layout.js';

export interface FrozenWeights {
  readonly parameters: readonly Parameter[];
  /** The numbers of one parameter: the same array at each call, but of one kept in bfloat16 a copy. */
  view(parameter: Pick<Parameter, 'name'>): Float32Array;
  /** Its memory, the same array at each call, so that an engine knows it again: bytes where it is kept in bfloat16. */
  stored(parameter: Pick<Parameter, 'name'>): Float32Array | Uint8Array;
}

/**
 * Zeroed.
 * @param all of a program: those that are trained are left out
 * @param inBfloat16 names of those to be kept as bfloat16
 */
export function allocateFrozen(
  all: readonly Parameter[],
  inBfloat16: ReadonlySet<string> = new Set(),
): FrozenWeights {
  const parameters = all.filter(({ trainable }) => !trainable);
  const memory = new Map(
    parameters.map(({ name, shape }) => {
      const count = elementCount(shape);
      return [name, inBfloat16.has(name) ? new Uint8Array(2 * count) : new Float32Array(count)];
    }),
  );
  const stored: FrozenWeights['stored'] = ({ name }) => {
    const found = memory.get(name);
    assert(found, `frozen parameter ${name} has memory`);
    return found;
  };
  return {
    parameters,
    stored,
    view: (parameter) => {
      const found = stored(parameter);
      if (found instanceof Float32Array) return found;
      const wide = new Float32Array(found.length / 2);
      convertToFloat32('BF16', found, wide);
      return wide;
    },
  };
}

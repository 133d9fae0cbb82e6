/**
 * What a model computes with and no step changes: host memory of its own, outside the arena, so that layout, sums, moments,
 * hashes and snapshots cover what is trained alone. Engines on the host read it where it lies, for every shard shape;
 * engines with memory of their own get a copy once.
 */
import { assert } from '@microtune/shared';
import type { Parameter } from '../program/program.js';
import { elementCount } from './layout.js';

export interface FrozenWeights {
  readonly parameters: readonly Parameter[];
  /** The numbers of one parameter; the same array at each call, so that an engine knows it again. */
  view(parameter: Pick<Parameter, 'name'>): Float32Array;
}

/** Zeroed. @param all of a program: those that are trained are left out */
export function allocateFrozen(all: readonly Parameter[]): FrozenWeights {
  const parameters = all.filter(({ trainable }) => !trainable);
  const views = new Map(
    parameters.map(({ name, shape }) => [name, new Float32Array(elementCount(shape))]),
  );
  return {
    parameters,
    view: ({ name }) => {
      const view = views.get(name);
      assert(view, `frozen parameter ${name} has memory`);
      return view;
    },
  };
}

/** Ops over the weights themselves. */
import { attention, dropout, embedding, layerNorm, rmsNorm } from '@microtune/engine';
import { assert } from '@microtune/shared';
import { add, matMul, type Tensor } from '@tensorflow/tfjs-core';
import type { Module } from './module.js';
import type { Ops } from './ops.js';

export interface PlainOpsOptions {
  readonly modules: readonly Module[];
  /** Epsilon of the norms. */
  readonly epsilon: number;
  /** By parameter name. */
  readonly weight: (name: string) => Tensor;
  /** Mask (bool, 1 keeps) and rate of each site that drops, by its path; empty in evaluation. */
  readonly masks: ReadonlyMap<string, { readonly mask: Tensor; readonly rate: number }>;
}

export function plainOps({ modules, epsilon, weight, masks }: PlainOpsOptions): Ops {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const moduleAt = (path: string): Module => {
    const found = byPath.get(path);
    assert(found, `the model has a module ${path}`);
    return found;
  };
  return {
    linear: (path, x) => {
      const { kind, hasBias } = moduleAt(path);
      const product = matMul(x, weight(`${path}.weight`), false, kind === 'linear');
      return hasBias ? add(product, weight(`${path}.bias`)) : product;
    },
    embed: (path, ids) => embedding(weight(`${path}.weight`), ids),
    norm: (path, x) =>
      moduleAt(path).kind === 'rmsNorm'
        ? rmsNorm(x, weight(`${path}.weight`), epsilon)
        : layerNorm(x, weight(`${path}.weight`), weight(`${path}.bias`), epsilon),
    attend: (path, { query, key, value, bias, scale }) =>
      attention(query, key, value, { scale, bias, dropout: masks.get(path) }),
    sublayer: (_, x) => x,
    drop: (path, x) => {
      const dropped = masks.get(path);
      return dropped === undefined ? x : dropout(x, dropped.mask, dropped.rate);
    },
    outputMatrix: (path) => weight(`${path}.weight`),
  };
}

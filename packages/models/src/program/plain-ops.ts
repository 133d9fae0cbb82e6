/** Ops over the weights themselves. */
import {
  attention,
  cachedAttention,
  dropout,
  embedding,
  layerNorm,
  rmsNorm,
  type KeysAndValues,
} from '@microtune/engine';
import { assert } from '@microtune/shared';
import { add, cast, matMul, oneHot, slice, type Tensor } from '@tensorflow/tfjs-core';
import type { Module } from './module.js';
import type { Ops } from './ops.js';

export interface PlainOpsOptions {
  readonly modules: readonly Module[];
  /** Epsilon of the norms. */
  readonly epsilon: number;
  /** By parameter name. */
  readonly weight: (name: string) => Tensor;
  /** The mask of a site (bool, 1 keeps); undefined where nothing drops. */
  readonly mask: (site: string, rate: number, shape: readonly number[]) => Tensor | undefined;
  /** Keeps the keys and values of an attention; undefined keeps none. */
  readonly memory?: AttentionMemory | undefined;
}

/**
 * What attention keeps from one run of a graph to the next.
 * @param path of the attention
 * @param own of the batch's tokens: [R, K, T, D]
 * @returns those kept of earlier tokens, [R, K, C, D]; undefined in a graph of first tokens
 */
export type AttentionMemory = (path: string, own: KeysAndValues) => KeysAndValues | undefined;

export function plainOps({ modules, epsilon, weight, mask, memory }: PlainOpsOptions): Ops {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const moduleAt = (path: string): Module => {
    const found = byPath.get(path);
    assert(found, `the model has a module ${path}`);
    return found;
  };
  const table = (path: string): Tensor => weight(`${path}.weight`);
  return {
    linear: (path, x) => {
      const { kind, hasBias } = moduleAt(path);
      const product = matMul(x, weight(`${path}.weight`), false, kind === 'linear');
      return hasBias ? add(product, weight(`${path}.bias`)) : product;
    },
    embed: (path, ids) => embedding(table(path), ids),
    lookUp: (path, ids, count) => {
      const [, width = 0] = moduleAt(path).shape;
      // A product with one-hot rows picks exactly.
      const picks = cast(oneHot(ids, count), 'float32'); // [N, count]
      return matMul(picks, slice(table(path), [0, 0], [count, width]));
    },
    table,
    norm: (path, x) =>
      moduleAt(path).kind === 'rmsNorm'
        ? rmsNorm(x, weight(`${path}.weight`), epsilon)
        : layerNorm(x, weight(`${path}.weight`), weight(`${path}.bias`), epsilon),
    attend: (path, { query, key, value, bias, scale, dropout: { site, rate } }) => {
      const own = { key, value };
      const past = memory?.(path, own);
      if (past !== undefined) return cachedAttention(query, { own, past, scale, bias });
      const found = mask(site, rate, [...query.shape.slice(0, -1), key.shape.at(-2) ?? 0]); // [R, A, Q, T]
      const dropped = found === undefined ? undefined : { mask: found, rate };
      return attention(query, key, value, { scale, bias, dropout: dropped });
    },
    sublayer: (_, x) => x,
    drop: (site, rate, x) => {
      const found = mask(site, rate, x.shape);
      return found === undefined ? x : dropout(x, found, rate);
    },
    outputMatrix: table,
  };
}

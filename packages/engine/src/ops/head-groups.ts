/**
 * Query heads that share a key head as one list of queries: no key or value is repeated (grouped queries, Ainslie et al. 2023).
 * Letters: B any leading axes, A heads, K heads of keys and values, Q and T positions, D width of a head.
 */
import { MicrotuneError } from '@microtune/shared';
import { reshape } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';

/**
 * The rows of the query heads that share a key head as one list.
 * @param x [...B, A, Q, .]
 * @param key [...B, K, T, D]
 * @returns [...B, K, A / K * Q, .]; x itself where every head has its own keys
 * @throws MicrotuneError `usage` when K does not divide A
 */
export function perGroup(x: Tensor, key: Tensor): Tensor {
  const [heads, groups] = [x.shape.at(-3), key.shape.at(-3)];
  if (heads === groups || heads === undefined || groups === undefined) return x;
  if (heads % groups !== 0)
    throw new MicrotuneError('usage', `${heads} query heads cannot share ${groups} key heads`);
  const positions = (heads / groups) * x.shape.at(-2)!;
  return reshape(x, [...x.shape.slice(0, -3), groups, positions, x.shape.at(-1)!]);
}

/** Undoes `perGroup`: rows [...B, K, A / K * Q, .] as those of `query` [...B, A, Q, D]. */
export function perHead(x: Tensor, query: Tensor): Tensor {
  const shape = [...query.shape.slice(0, -1), x.shape.at(-1)!];
  return x.rank === query.rank && shape.every((extent, axis) => extent === x.shape[axis])
    ? x
    : reshape(x, shape);
}

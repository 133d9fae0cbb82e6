/**
 * Attention of tokens to themselves and to keys and values computed before, which stay where they are: scores over both are put
 * side by side, never the keys. The newest stand first, so a larger cache adds places at the end alone, and nothing to any sum.
 * For generation: no gradient.
 *
 * Letters: R rows, A heads, K heads of keys and values, Q new tokens, C places of the cache, D width of a head.
 */
import { add, concat, matMul, mul, reshape, scalar, slice, softmax } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { perGroup, perHead } from './head-groups.js';

export interface KeysAndValues {
  readonly key: Tensor; // [R, K, ., D]
  readonly value: Tensor; // [R, K, ., D]
}

export interface CachedAttentionOptions {
  /** Of the new tokens: [R, K, Q, D]. */
  readonly own: KeysAndValues;
  /** Of those before: [R, K, C, D]. */
  readonly past: KeysAndValues;
  /** Multiplied into the scores, usually 1 / sqrt(D). */
  readonly scale: number;
  /** Added to the scaled scores: [R, 1, Q, Q + C], the new tokens' first. */
  readonly bias: Tensor;
}

/**
 * softmax(scale * query [own; past]T + bias) [own; past].
 * @param query [R, A, Q, D]; query head a attends to key head floor(a K / A)
 * @returns [R, A, Q, D]
 * @throws MicrotuneError `usage` when K does not divide A
 */
export function cachedAttention(
  query: Tensor,
  { own, past, scale, bias }: CachedAttentionOptions,
): Tensor {
  const grouped = perGroup(query, own.key); // [R, K, A / K * Q, D]
  const scores = concat(
    [own, past].map(({ key }) => matMul(grouped, key, false, true)),
    -1,
  ); // [R, K, A / K * Q, Q + C]
  const scaled = mul(perHead(scores, query), scalar(scale)); // [R, A, Q, Q + C]
  const probabilities = perGroup(softmax(add(scaled, bias)), own.key);
  const count = own.key.shape[2] ?? 0;
  const [rows = 0, heads = 0, queries = 0, places = 0] = probabilities.shape;
  const part = (from: number, to: number): Tensor =>
    slice(probabilities, [0, 0, 0, from], [rows, heads, queries, to - from]);
  const context = add(matMul(part(0, count), own.value), matMul(part(count, places), past.value)); // [R, K, A / K * Q, D]
  return reshape(context, query.shape);
}

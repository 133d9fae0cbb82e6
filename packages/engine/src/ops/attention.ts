/**
 * Scaled dot-product attention with a gradient that reads the large score matrix as seldom as it can: the sum that the
 * softmax gradient needs per row, sum(dP * P), equals sum(dO * O) over the much smaller output, dropout included.
 * Source: Dao et al. 2022 (FlashAttention), appendix B.4.
 *
 * Grouped queries (Ainslie et al. 2023): where A query heads share K key heads, those of a group lie one behind the
 * other, so a reshape makes their queries one longer list. No key or value is repeated, and the products of the
 * gradient add up the group by themselves.
 *
 * Letters: B any leading axes, A heads, K heads of keys and values, Q and T positions, D width of a head.
 */
import { add, customGrad, matMul, mul, scalar, softmax, sub, sum } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { registerGradients } from '../gradients/register-gradients.js';
import { fusedKernelNames } from './fused-kernel-names.js';
import { runFused } from './fused-kernels.js';
import { perGroup, perHead } from './head-groups.js';

export interface AttentionOptions {
  /** Multiplied into the scores, usually 1 / sqrt(D). */
  readonly scale: number;
  /** Added to the scaled scores; broadcasts to [...B, A, Q, T]. A constant of the batch: it gets no gradient. */
  readonly bias?: Tensor | undefined;
  /** Dropout of the probabilities: mask bool [...B, A, Q, T], 1 keeps. */
  readonly dropout?: { readonly mask: Tensor; readonly rate: number } | undefined;
}

/**
 * dropout(softmax(scale * query keyT + bias)) value.
 * @param query [...B, A, Q, D]
 * @param key [...B, K, T, D]; query head a attends to key head floor(a K / A)
 * @param value [...B, K, T, D]
 * @returns [...B, A, Q, D]
 * @throws MicrotuneError `usage` when K does not divide A
 */
export function attention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions,
): Tensor {
  registerGradients();
  const { scale, bias, dropout } = options;
  // Everything the gradient reads is an argument and saved: what a closure holds may be disposed by then.
  const masks = dropout === undefined ? [] : [dropout.mask];
  const keepScale = 1 / (1 - (dropout?.rate ?? 0));
  const differentiable = customGrad((...all: unknown[]) => {
    const save = all.at(-1) as (saved: Tensor[]) => void;
    const [q, k, v, ...mask] = all.slice(0, -1) as [Tensor, Tensor, Tensor, ...Tensor[]];
    const products = matMul(perGroup(q, k), k, false, true); // [...B, K, A / K * Q, T]
    const scores = mul(perHead(products, q), scalar(scale)); // [...B, A, Q, T]
    const probabilities = softmax(bias === undefined ? scores : add(scores, bias));
    const kept = drop(probabilities, mask, keepScale);
    const output = perHead(matMul(perGroup(kept, v), v), q); // [...B, A, Q, D]
    save([q, k, v, probabilities, kept, output, ...mask]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => gradients(dy, saved, { scale, keepScale });
    return { value: output, gradFunc };
  });
  return differentiable(query, key, value, ...masks);
}

/** @param mask none, or one */
function drop(x: Tensor, mask: readonly Tensor[], scale: number): Tensor {
  return mask[0] === undefined
    ? x
    : runFused(fusedKernelNames.dropout, { x, mask: mask[0] }, { scale })[0]!;
}

function gradients(
  dy: Tensor,
  saved: readonly Tensor[],
  { scale, keepScale }: { readonly scale: number; readonly keepScale: number },
): Tensor[] {
  const [q, k, v, probabilities, kept, output, ...mask] = saved as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    ...Tensor[],
  ];
  const dGroup = perGroup(dy, v); // [...B, K, A / K * Q, D]
  const dKept = perHead(matMul(dGroup, v, false, true), q); // [...B, A, Q, T]
  const dProbabilities = drop(dKept, mask, keepScale);
  const perRow = sum(mul(dy, output), -1, true); // [...B, A, Q, 1]
  const dScores = mul(mul(probabilities, sub(dProbabilities, perRow)), scalar(scale));
  const dScoresOfGroup = perGroup(dScores, k); // [...B, K, A / K * Q, T]
  const dQuery = perHead(matMul(dScoresOfGroup, k), q);
  const dKey = matMul(dScoresOfGroup, perGroup(q, k), true, false);
  // The mask has no gradient; tfjs wants one tensor per argument and does not use this one.
  return [dQuery, dKey, matMul(perGroup(kept, v), dGroup, true, false), ...mask];
}

/**
 * Scaled dot-product attention with a gradient that reads the large score matrix as seldom as it can: the sum that the
 * softmax gradient needs per row, sum(dP * P), equals sum(dO * O) over the much smaller output, dropout included.
 * Source: Dao et al. 2022 (FlashAttention), appendix B.4.
 *
 * Letters: B any leading axes, Q and T positions, D width of a head.
 */
import { add, customGrad, matMul, mul, scalar, softmax, sub, sum } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { registerGradients } from '../gradients/register-gradients.js';
import { fusedKernelNames } from './fused-kernel-names.js';
import { runFused } from './fused-kernels.js';

export interface AttentionOptions {
  /** Multiplied into the scores, usually 1 / sqrt(D). */
  readonly scale: number;
  /** Added to the scaled scores; broadcasts to [...B, Q, T]. A constant of the batch: it gets no gradient. */
  readonly bias?: Tensor | undefined;
  /** Dropout of the probabilities: mask bool [...B, Q, T], 1 keeps. */
  readonly dropout?: { readonly mask: Tensor; readonly rate: number } | undefined;
}

/**
 * dropout(softmax(scale * query keyT + bias)) value.
 * @param query [...B, Q, D]
 * @param key [...B, T, D]
 * @param value [...B, T, D]
 * @returns [...B, Q, D]
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
    const scores = mul(matMul(q, k, false, true), scalar(scale)); // [...B, Q, T]
    const probabilities = softmax(bias === undefined ? scores : add(scores, bias));
    const kept = drop(probabilities, mask, keepScale);
    const output = matMul(kept, v); // [...B, Q, D]
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
  const dProbabilities = drop(matMul(dy, v, false, true), mask, keepScale); // [...B, Q, T]
  const perRow = sum(mul(dy, output), -1, true); // [...B, Q, 1]
  const dScores = mul(mul(probabilities, sub(dProbabilities, perRow)), scalar(scale));
  const dQuery = matMul(dScores, k);
  const dKey = matMul(dScores, q, true, false);
  // The mask has no gradient; tfjs wants one tensor per argument and does not use this one.
  return [dQuery, dKey, matMul(kept, dy, true, false), ...mask];
}

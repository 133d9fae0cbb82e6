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
  readonly bias?: Tensor;
  /** Dropout of the probabilities: mask bool [...B, Q, T], 1 keeps. */
  readonly dropout?: { readonly mask: Tensor; readonly rate: number };
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
  const dropped = (probabilities: Tensor): Tensor =>
    dropout === undefined
      ? probabilities
      : runFused(
          fusedKernelNames.dropout,
          { x: probabilities, mask: dropout.mask },
          { scale: 1 / (1 - dropout.rate) },
        )[0]!;
  const differentiable = customGrad((...all: unknown[]) => {
    const [q, k, v, save] = all as [Tensor, Tensor, Tensor, (saved: Tensor[]) => void];
    const scores = mul(matMul(q, k, false, true), scalar(scale)); // [...B, Q, T]
    const probabilities = softmax(bias === undefined ? scores : add(scores, bias));
    const kept = dropped(probabilities);
    const output = matMul(kept, v); // [...B, Q, D]
    save([q, k, v, probabilities, kept, output]);
    const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor[] => {
      const [query2, key2, value2, p, keptP, out] = saved as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const dProbabilities = dropped(matMul(dy, value2, false, true)); // [...B, Q, T]
      const perRow = sum(mul(dy, out), -1, true); // [...B, Q, 1]
      const dScores = mul(mul(p, sub(dProbabilities, perRow)), scalar(scale));
      return [
        matMul(dScores, key2),
        matMul(dScores, query2, true, false),
        matMul(keptP, dy, true, false),
      ];
    };
    return { value: output, gradFunc };
  });
  return differentiable(query, key, value);
}

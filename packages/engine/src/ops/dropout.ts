/** Dropout with a mask that the caller draws, so that what is dropped never depends on who computes it. */
import { customGrad } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { MicrotuneError } from '@microtune/shared';
import { fusedKernelNames } from './fused-kernel-names.js';
import { runFused } from './fused-kernels.js';

/**
 * x / (1 - rate) where the mask is 1, else 0.
 * @param mask bool, of the shape of x; 1 keeps
 * @param rate the share that masks drop, in [0, 1)
 * @throws MicrotuneError `usage` for another rate
 */
export function dropout(x: Tensor, mask: Tensor, rate: number): Tensor {
  if (!(rate >= 0 && rate < 1))
    throw new MicrotuneError('usage', `a dropout rate lies in [0, 1), got ${rate}`);
  const scale = 1 / (1 - rate);
  const differentiable = customGrad((...all: unknown[]) => {
    const [input, keep, save] = all as [Tensor, Tensor, (saved: Tensor[]) => void];
    save([keep]);
    const scaled = (tensor: Tensor, by: Tensor) =>
      runFused(fusedKernelNames.dropout, { x: tensor, mask: by }, { scale })[0]!;
    return {
      value: scaled(input, keep),
      // The mask has no gradient; tfjs wants one tensor per argument and does not use this one.
      gradFunc: (dy: Tensor, saved: Tensor[]) => [scaled(dy, saved[0]!), saved[0]!],
    };
  });
  return differentiable(x, mask);
}

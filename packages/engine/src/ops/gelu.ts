/** The Gaussian error linear unit (Hendrycks and Gimpel 2016). */
import { customGrad } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { GeluApproximation } from '../graph/ops.js';
import { fusedKernelNames } from './fused-kernel-names.js';
import { runFused } from './fused-kernels.js';

/** x * P(X <= x) for a normal X; `tanh` is the approximation of GPT-2 and of `gelu_new`. Any shape. */
export function gelu(x: Tensor, approximate: GeluApproximation = 'none'): Tensor {
  const differentiable = customGrad((...all: unknown[]) => {
    const [input, save] = all as [Tensor, (saved: Tensor[]) => void];
    save([input]);
    return {
      value: runFused(fusedKernelNames.gelu, { x: input }, { approximate })[0]!,
      gradFunc: (dy: Tensor, saved: Tensor[]) =>
        runFused(fusedKernelNames.geluGrad, { dy, x: saved[0]! }, { approximate })[0]!,
    };
  });
  return differentiable(x);
}

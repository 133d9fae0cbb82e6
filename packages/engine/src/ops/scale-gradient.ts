/** A tensor as it is, whose gradient is multiplied: by 0 where nothing should be learned. */
import { customGrad, mul, type Tensor } from '@tensorflow/tfjs-core';

/**
 * @param x any shape
 * @param factor broadcasts to the shape of x; it gets no gradient
 * @returns x
 */
export function scaleGradient(x: Tensor, factor: Tensor): Tensor {
  const differentiable = customGrad((...all: unknown[]) => {
    const [input, by, save] = all as [Tensor, Tensor, (saved: Tensor[]) => void];
    save([by]);
    return {
      value: input.clone(),
      // The factor has no gradient; tfjs wants one tensor per argument and does not use this one.
      gradFunc: (dy: Tensor, saved: Tensor[]) => [mul(dy, saved[0]!), saved[0]!],
    };
  });
  return differentiable(x, factor);
}

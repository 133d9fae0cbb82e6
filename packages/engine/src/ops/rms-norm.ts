/** Root-mean-square norm over the last axis (Zhang and Sennrich 2019), as LlamaRMSNorm of transformers computes it. */
import { add, customGrad, mean, mul, rsqrt, scalar, square, sub, sum } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { registerGradients } from '../gradients/register-gradients.js';

/**
 * x / sqrt(mean(x²) + epsilon) * gamma over the last axis.
 * @param x [..., H]
 * @param gamma [H]
 * @returns [..., H]
 */
export function rmsNorm(x: Tensor, gamma: Tensor, epsilon: number): Tensor {
  registerGradients();
  const differentiable = customGrad((...all: unknown[]) => {
    const [input, scale, save] = all as [Tensor, Tensor, (saved: Tensor[]) => void];
    const inverse = rsqrt(add(mean(square(input), -1, true), scalar(epsilon))); // [..., 1]
    save([input, scale, inverse]);
    return { value: mul(mul(input, inverse), scale), gradFunc: gradients };
  });
  return differentiable(x, gamma);
}

/** With n = x * inverse and g = dy * gamma: dx = inverse * (g - n * mean(g * n)). */
function gradients(dy: Tensor, saved: Tensor[]): Tensor[] {
  const [x, gamma, inverse] = saved as [Tensor, Tensor, Tensor];
  const leading = dy.shape.slice(0, -1).map((_, axis) => axis);
  const normal = mul(x, inverse); // [..., H]
  const weighted = mul(dy, normal);
  const projected = mean(mul(weighted, gamma), -1, true); // [..., 1]
  const dx = mul(sub(mul(dy, gamma), mul(normal, projected)), inverse);
  return [dx, sum(weighted, leading)];
}

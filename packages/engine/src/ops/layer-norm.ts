/** LayerNorm over the last axis. */
import { customGrad, mean, mul, sub, sum } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { fusedKernelNames } from './fused-kernel-names.js';
import { runFused } from './fused-kernels.js';

/**
 * (x - mean) / sqrt(variance + epsilon) * gamma + beta over the last axis; biased variance, as torch.nn.LayerNorm.
 * @param x [..., H]
 * @param gamma [H]
 * @param beta [H]
 */
export function layerNorm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  const differentiable = customGrad((...all: unknown[]) => {
    const [input, scale, shift, save] = all as [Tensor, Tensor, Tensor, (saved: Tensor[]) => void];
    const inputs = { x: input, gamma: scale, beta: shift };
    const [value, center, inverse] = runFused(fusedKernelNames.layerNorm, inputs, { epsilon });
    save([input, scale, center!, inverse!]);
    return { value: value!, gradFunc: (dy: Tensor, saved: Tensor[]) => gradients(dy, saved) };
  });
  return differentiable(x, gamma, beta);
}

/** With n = (x - mean) * inverse and g = dy * gamma: dx = inverse * (g - mean(g) - n * mean(g * n)). */
function gradients(dy: Tensor, saved: readonly Tensor[]): Tensor[] {
  const [x, gamma, center, inverse] = saved as [Tensor, Tensor, Tensor, Tensor];
  const leading = dy.shape.slice(0, -1).map((_, axis) => axis);
  const normal = mul(sub(x, center), inverse); // [..., H]
  const weighted = mul(dy, normal);
  const scaled = mul(dy, gamma);
  const projected = mean(mul(weighted, gamma), -1, true); // [..., 1]
  const centered = sub(sub(scaled, mean(scaled, -1, true)), mul(normal, projected));
  return [mul(centered, inverse), sum(weighted, leading), sum(dy, leading)];
}

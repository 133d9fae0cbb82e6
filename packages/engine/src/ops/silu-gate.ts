/** The gate of Llama's feed-forward network: SwiGLU without its products (Shazeer 2020). */
import { add, customGrad, mul, scalar, sigmoid, sub } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { registerGradients } from '../gradients/register-gradients.js';

/**
 * silu(gate) * up with silu(x) = x * sigmoid(x). The gradient computes the sigmoid again: only the arguments are kept.
 * @param gate any shape
 * @param up the same shape
 */
export function siluGate(gate: Tensor, up: Tensor): Tensor {
  registerGradients();
  const differentiable = customGrad((...all: unknown[]) => {
    const [g, u, save] = all as [Tensor, Tensor, (saved: Tensor[]) => void];
    save([g, u]);
    return { value: mul(mul(g, sigmoid(g)), u), gradFunc: gradients };
  });
  return differentiable(gate, up);
}

/** silu'(g) = s (1 + g (1 - s)) with s = sigmoid(g). */
function gradients(dy: Tensor, saved: Tensor[]): Tensor[] {
  const [gate, up] = saved as [Tensor, Tensor];
  const one = scalar(1);
  const s = sigmoid(gate);
  const slope = mul(s, add(one, mul(gate, sub(one, s))));
  return [mul(mul(dy, up), slope), mul(dy, mul(gate, s))];
}

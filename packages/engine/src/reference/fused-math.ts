/** The fused ops in plain tfjs: what they mean, for the reference engine and for eager use. */
import {
  add,
  cast,
  erf,
  exp,
  mean,
  mul,
  rsqrt,
  scalar,
  square,
  sub,
  tanh,
} from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { GeluApproximation } from '../graph/ops.js';

/** The constants of the tanh form of gelu, 0.5 x (1 + tanh(k (x + c x^3))): Hendrycks and Gimpel 2016. */
const tanhScale = Math.sqrt(2 / Math.PI);
const tanhCubic = 0.044715;

/** @returns y [..., H], mean [..., 1], 1 / sqrt(variance + epsilon) [..., 1]; biased variance, as in PyTorch */
export function layerNormMath(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  epsilon: number,
): [Tensor, Tensor, Tensor] {
  const center = mean(x, -1, true);
  const centered = sub(x, center);
  const inverse = rsqrt(add(mean(square(centered), -1, true), scalar(epsilon)));
  return [add(mul(mul(centered, inverse), gamma), beta), center, inverse];
}

function tanhGate(x: Tensor): Tensor {
  const cubic = mul(mul(square(x), x), scalar(tanhCubic));
  return tanh(mul(add(x, cubic), scalar(tanhScale)));
}

export function geluMath(x: Tensor, approximate: GeluApproximation): Tensor {
  const gate = approximate === 'tanh' ? tanhGate(x) : erf(mul(x, scalar(Math.SQRT1_2)));
  return mul(mul(x, scalar(0.5)), add(gate, scalar(1)));
}

/** dy * gelu'(x). */
export function geluGradMath(dy: Tensor, x: Tensor, approximate: GeluApproximation): Tensor {
  return mul(dy, approximate === 'tanh' ? tanhSlope(x) : erfSlope(x));
}

function erfSlope(x: Tensor): Tensor {
  const half = mul(add(erf(mul(x, scalar(Math.SQRT1_2))), scalar(1)), scalar(0.5));
  const density = mul(exp(mul(square(x), scalar(-0.5))), scalar(1 / Math.sqrt(2 * Math.PI)));
  return add(half, mul(x, density));
}

function tanhSlope(x: Tensor): Tensor {
  const gate = tanhGate(x);
  const inner = mul(add(scalar(1), mul(square(x), scalar(3 * tanhCubic))), scalar(tanhScale));
  const tail = mul(mul(mul(x, scalar(0.5)), sub(scalar(1), square(gate))), inner);
  return add(mul(add(gate, scalar(1)), scalar(0.5)), tail);
}

export function dropoutMath(x: Tensor, mask: Tensor, scale: number): Tensor {
  return mul(mul(x, cast(mask, 'float32')), scalar(scale));
}

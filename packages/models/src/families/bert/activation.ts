/** `hidden_act` by its HuggingFace name (transformers, activations.py). */
import { gelu } from '@microtune/engine';
import { mul, relu, sigmoid, tanh, type Tensor } from '@tensorflow/tfjs-core';
import type { ActivationName } from './activation-names.js';

const erfGelu = (x: Tensor): Tensor => gelu(x, 'none');
const tanhGelu = (x: Tensor): Tensor => gelu(x, 'tanh');
const silu = (x: Tensor): Tensor => mul(x, sigmoid(x));

export const activations: { readonly [Name in ActivationName]: (x: Tensor) => Tensor } = {
  gelu: erfGelu,
  gelu_python: erfGelu,
  gelu_new: tanhGelu,
  gelu_fast: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  relu: (x) => relu(x),
  silu,
  swish: silu,
  tanh: (x) => tanh(x),
  linear: (x) => x,
};

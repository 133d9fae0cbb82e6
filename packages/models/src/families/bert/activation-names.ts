/** Values of `hidden_act` that are supported; apart from what computes them, so that reading a config.json loads no tfjs. */
export const activationNames = [
  'gelu',
  'gelu_python',
  'gelu_new',
  'gelu_fast',
  'gelu_pytorch_tanh',
  'relu',
  'silu',
  'swish',
  'tanh',
  'linear',
] as const;
export type ActivationName = (typeof activationNames)[number];

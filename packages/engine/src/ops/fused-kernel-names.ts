/** Names of our own tfjs kernels, in tfjs's global registry. */
export const fusedKernelNames = {
  layerNorm: 'MicrotuneLayerNorm',
  gelu: 'MicrotuneGelu',
  geluGrad: 'MicrotuneGeluGrad',
  dropout: 'MicrotuneDropout',
} as const;
export type FusedKernelName = (typeof fusedKernelNames)[keyof typeof fusedKernelNames];

import { expect, it } from 'vitest';
import { explainNoGpu } from './explain-no-gpu.js';

const detail = 'No visible GPU devices.';

it.each([
  [
    undefined,
    13000,
    /driver \(libcuda\.so\.1\) is not installed; the plugin needs CUDA 13\.0, driver 580 or newer/,
  ],
  [
    12080,
    13000,
    /driver is too old: it runs CUDA 12\.8, the plugin needs CUDA 13\.0, driver 580 or newer/,
  ],
  [13010, 13000, /driver \(CUDA 13\.1\) shows no device: is CUDA_VISIBLE_DEVICES right/],
  [
    undefined,
    undefined,
    /driver \(libcuda\.so\.1\) is not installed \(XLA: No visible GPU devices\.\)/,
  ],
])(
  'says why a driver for CUDA %d shows a plugin for %d no GPU',
  (cudaVersion, needed, expected) => {
    const error = explainNoGpu({ cudaVersion, devices: [], problem: undefined }, needed, detail);
    expect(error.code).toBe('usage');
    expect(error.message).toMatch(expected);
  },
);

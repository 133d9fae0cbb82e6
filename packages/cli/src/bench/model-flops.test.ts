import { expect, it } from 'vitest';
import { peakFlops, stepFlops } from './model-flops.js';

it('counts what a step of BERT-base asks for', () => {
  // 85 M weights in 12 layers: 6 x 84.9 M + 12 x 12 x 128 x 768 for each of 4,096 tokens.
  const flops = stepFlops({ layers: 12, hiddenSize: 768 }, { rows: 32, tokens: 128 });
  expect(flops).toBe(4096 * (6 * 84_934_656 + 14_155_776));
});

it('knows cards by their names', () => {
  expect(peakFlops('NVIDIA H200', 'bf16')).toBe(989e12);
  expect(peakFlops('NVIDIA H100 PCIe', 'bf16')).toBe(756e12);
  expect(peakFlops('NVIDIA A100-SXM4-80GB', 'f32')).toBe(19.5e12);
  expect(peakFlops('NVIDIA L40S', 'bf16')).toBe(362e12);
  expect(peakFlops('Another card', 'bf16')).toBeUndefined();
});

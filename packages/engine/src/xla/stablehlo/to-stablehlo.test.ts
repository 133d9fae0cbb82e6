import { expect, it } from 'vitest';
import { GraphBuilder } from '../../graph/graph-builder.js';
import { toStableHlo } from './to-stablehlo.js';

function product() {
  const build = new GraphBuilder();
  const [x, w] = [build.input('x', [2, 3], 'float32'), build.input('w', [4, 3], 'float32')];
  const y = build.add('matMul', [x, w], { transposeA: false, transposeB: true, alpha: 1 });
  return build.finish({ y: build.add('relu', [y], {}) });
}

it('writes a product with contracted axes instead of a transposition, exact in float32', () => {
  expect(toStableHlo(product(), { precision: 'f32', tf32: false })).toBe(`module @microtune {
func.func public @main(%in0: tensor<2x3xf32>, %in1: tensor<4x3xf32>) -> (tensor<2x4xf32>) {
%0 = stablehlo.dot_general %in0, %in1, contracting_dims = [1] x [1], precision = [HIGHEST, HIGHEST] : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
%1 = stablehlo.constant dense<0x00000000> : tensor<f32>
%2 = stablehlo.broadcast_in_dim %1, dims = [] : (tensor<f32>) -> tensor<2x4xf32>
%3 = stablehlo.maximum %0, %2 : tensor<2x4xf32>
return %3 : tensor<2x4xf32>
}
}
`);
});

it('rounds operands to bfloat16 and sums in float32, with a spare argument per output', () => {
  const text = toStableHlo(product(), { precision: 'bf16', tf32: false, spareOutputs: true });
  expect(text).toContain('%spare0: tensor<2x4xf32> {tf.aliasing_output = 0 : i32}');
  expect(text).toContain('(tensor<2x3xbf16>, tensor<4x3xbf16>) -> tensor<2x4xf32>');
  expect(text).not.toContain('HIGHEST');
});

it('refuses donations to nothing, and of one output twice', () => {
  const options = { precision: 'f32', tf32: false } as const;
  const donating = (donate: Record<string, string>) => () =>
    toStableHlo(product(), { ...options, donate });
  expect(donating({ x: 'z' })).toThrow('input "x" cannot be donated to output "z"');
  expect(donating({ v: 'y' })).toThrow('input "v" cannot be donated');
  expect(donating({ x: 'y', w: 'y' })).toThrow('input "w" cannot be donated');
});

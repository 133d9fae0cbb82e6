import { loadEngine, trace } from '@microtune/engine';
import { expect, it } from 'vitest';
import { activations } from './activation.js';
import { activationNames, type ActivationName } from './activation-names.js';

const x = Float32Array.of(-3, -0.5, 0, 0.75, 2.5);
const erfGelu = [-0.00405, -0.154269, 0, 0.580029, 2.484476];
const tanhGelu = [-0.003637, -0.154286, 0, 0.579961, 2.484916];
const silu = [-0.142278, -0.18877, 0, 0.509384, 2.310354];

/** transformers' ACT2FN[name](x). */
const expected: { [Name in ActivationName]: number[] } = {
  gelu: erfGelu,
  gelu_python: erfGelu,
  gelu_new: tanhGelu,
  gelu_fast: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  relu: [0, 0, 0, 0.75, 2.5],
  silu,
  swish: silu,
  tanh: [-0.995055, -0.462117, 0, 0.635149, 0.986614],
  linear: [...x],
};

it.each(activationNames)('%s is that of transformers', async (name) => {
  const graph = trace(({ input }) => ({ y: activations[name](input('x', [5], 'float32')) }));
  const engine = await loadEngine('reference');
  const executable = await engine.compile(graph, { threads: 1, precision: 'f32' });
  const y = new Float32Array(5);
  await executable.run({ x }, { y });
  expected[name].forEach((value, i) => {
    expect(y[i]).toBeCloseTo(value, 5);
  });
});

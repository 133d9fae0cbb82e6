import { describe, expect, it } from 'vitest';
import {
  argumentsOf,
  gradientCases,
  weightedGradients,
  weightedSum,
} from '../conformance/gradient-cases.js';
import type { GradientCase } from '../conformance/gradient-cases.js';
import { randomNumbers, randomTensor } from '../conformance/random-values.js';
import { runGraph } from '../conformance/run-graph.js';
import type { Buffers } from '../conformance/run-graph.js';
import { loadReference } from '../reference/reference-engine.js';
import { trace } from '../tracer/trace.js';

const reference = await loadReference();

function inputsOf(name: string, gradientCase: GradientCase): Buffers {
  const next = randomNumbers(name.length);
  const drawn = argumentsOf(name, gradientCase).map(
    ({ name: argument, ...spec }) =>
      [argument, randomTensor({ ...spec, dtype: 'float32' }, next)] as const,
  );
  return Object.fromEntries(drawn);
}

describe('gradients against finite differences', () => {
  it.each(Object.entries(gradientCases))('%s', async (name, gradientCase) => {
    const specs = argumentsOf(name, gradientCase);
    const inputs = inputsOf(name, gradientCase);
    const forward = trace(({ input }) => ({
      value: weightedSum(
        gradientCase,
        specs.map((spec) => input(spec.name, spec.shape, 'float32')),
      ),
    }));
    const backward = trace(({ input }) => {
      const tensors = specs.map((spec) => input(spec.name, spec.shape, 'float32'));
      const { grads } = weightedGradients(gradientCase, tensors);
      return Object.fromEntries(grads.map((gradient, i) => [specs[i]!.name.slice(3), gradient]));
    });
    const valueAt = async () => (await runGraph(reference, forward, inputs))['value']![0]!;
    const gradients = await runGraph(reference, backward, inputs);
    const step = 2 ** -8;
    for (const { name: argument } of specs.slice(0, -1)) {
      const values = inputs[argument]!;
      for (let at = 0; at < values.length; at++) {
        const value = values[at]!;
        values[at] = value + step;
        const above = await valueAt();
        values[at] = value - step;
        const below = await valueAt();
        values[at] = value;
        const difference = (above - below) / (2 * step);
        const gradient = gradients[argument.slice(3)]![at]!;
        const close = Math.abs(gradient - difference) <= 4e-3 * Math.max(1, Math.abs(difference));
        expect(close, `${argument}[${at}]: ${gradient}, by differences ${difference}`).toBe(true);
      }
    }
  });
});

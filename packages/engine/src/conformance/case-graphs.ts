/** The cases of an op, or of all gradients, as one graph with its inputs; and how exact an engine must be. */
import type * as tf from '@tensorflow/tfjs-core';
import type { EngineName } from '../engine.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import type { Graph, Value } from '../graph/graph.js';
import type { OpName } from '../graph/ops.js';
import { trace } from '../tracer/trace.js';
import { argumentsOf, gradientCases, weightedGradients } from './gradient-cases.js';
import { opCases, type OpCase } from './op-cases.js';
import { randomNumbers, randomTensor } from './random-values.js';
import type { Buffers } from './run-graph.js';

/** Every case of an op. */
export function graphOfCases(op: OpName): { graph: Graph; inputs: Buffers } {
  const build = new GraphBuilder();
  const next = randomNumbers(op.length + op.charCodeAt(0));
  const inputs: Buffers = {};
  const outputs: Record<string, Value> = {};
  (opCases[op] as readonly OpCase[]).forEach((opCase, at) => {
    const values = opCase.inputs.map((input, i) => {
      const name = `${at}.${i}`;
      inputs[name] = randomTensor(input, next);
      return build.input(name, input.shape, input.dtype);
    });
    build
      .addMany(op, values, opCase.attributes as never)
      .forEach((value, i) => (outputs[`${op}.${at}.${i}`] = value));
  });
  return { graph: build.finish(outputs), inputs };
}

/** Value and gradients of every gradient case. */
export function gradientGraph(): { graph: Graph; inputs: Buffers } {
  const inputs: Buffers = {};
  const graph = trace((context) => {
    const outputs: Record<string, tf.Tensor> = {};
    for (const [name, gradientCase] of Object.entries(gradientCases)) {
      const next = randomNumbers(name.length);
      const tensors = argumentsOf(name, gradientCase).map(({ name: argument, shape, from, to }) => {
        inputs[argument] = randomTensor({ shape, dtype: 'float32', from, to }, next);
        return context.input(argument, shape, 'float32');
      });
      const { value, grads } = weightedGradients(gradientCase, tensors);
      outputs[`${name}.value`] = value;
      grads.forEach((gradient, i) => (outputs[`${name}.${i}`] = gradient));
    }
    return outputs;
  });
  return { graph, inputs };
}

/** OpenVINO and XLA multiply and exponentiate less exactly than the others; all stay far below what training notices. */
export const tolerance: Readonly<Record<EngineName, number>> = {
  reference: 0,
  onnx: 2e-6,
  openvino: 1e-5,
  xla: 5e-6,
  tensorflow: 2e-6,
};

/** Outputs that are the same constant, equal constants, the same value or an input, and what each must hold. */
export function sharedOutputs(): {
  graph: Graph;
  inputs: Buffers;
  expected: Record<string, number[]>;
} {
  const build = new GraphBuilder();
  const x = build.input('x', [2], 'float32');
  const pair = (): Value =>
    build.add('constant', [], { data: Float32Array.of(1, 2), dtype: 'float32', shape: [2] });
  const [once, again] = [pair(), pair()];
  const two = build.add('splat', [], { value: 2, dtype: 'float32', shape: [] });
  const negative = build.add('neg', [x], {});
  const graph = build.finish({
    a: once, b: negative, c: once, d: again, e: two, f: two, g: negative, h: x,
  }); // prettier-ignore
  const expected = {
    a: [1, 2], b: [-5, -6], c: [1, 2], d: [1, 2], e: [2], f: [2], g: [-5, -6], h: [5, 6],
  }; // prettier-ignore
  return { graph, inputs: { x: Float32Array.of(5, 6) }, expected };
}

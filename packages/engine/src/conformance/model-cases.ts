/**
 * Small whole models, each as a traced training graph and as eager tfjs: loss and every gradient. Large enough that
 * engines split their work over threads.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import { attention } from '../ops/attention.js';
import { embedding } from '../ops/embedding.js';
import { gelu } from '../ops/gelu.js';
import { layerNorm } from '../ops/layer-norm.js';
import { softmaxCrossEntropy } from '../ops/softmax-cross-entropy.js';
import type { Graph } from '../graph/graph.js';
import type { DType, Shape } from '../graph-types.js';
import { onCpuBackend } from '../reference/on-cpu-backend.js';
import { trace } from '../tracer/trace.js';
import { randomNumbers, randomTensor } from './random-values.js';
import type { Buffers } from './run-graph.js';

type Tensors = Readonly<Record<string, Tensor>>;

interface Model {
  readonly parameters: Readonly<Record<string, Shape>>;
  readonly batch: Readonly<Record<string, { shape: Shape; dtype: DType; to: number }>>;
  readonly loss: (parameters: Tensors, batch: Tensors) => Tensor;
}

const mlp: Model = {
  parameters: { w1: [64, 256], b1: [256], w2: [256, 10], b2: [10] },
  batch: {
    x: { shape: [128, 64], dtype: 'float32', to: 1 },
    y: { shape: [128], dtype: 'int32', to: 10 },
  },
  loss: (p, { x, y }) => {
    const hidden = tf.relu(tf.add(tf.matMul(x!, p['w1']!), p['b1']!)); // [128, 256]
    return softmaxCrossEntropy(tf.add(tf.matMul(hidden, p['w2']!), p['b2']!), y!);
  },
};

const [rows, tokens, width, heads, words] = [4, 32, 64, 4, 100];
const block: Model = {
  parameters: {
    table: [words, width],
    qkv: [3 * width, width],
    qkvBias: [3 * width],
    out: [width, width],
    gamma: [width],
    beta: [width],
    up: [4 * width, width],
    upBias: [4 * width],
    down: [width, 4 * width],
    head: [2, width],
  },
  batch: {
    ids: { shape: [rows * tokens], dtype: 'int32', to: words },
    y: { shape: [rows], dtype: 'int32', to: 2 },
  },
  loss: (p, { ids, y }) => {
    const x = embedding(p['table']!, ids!); // [rows * tokens, width]
    const stacked = tf.add(tf.matMul(x, p['qkv']!, false, true), p['qkvBias']!);
    const apart = tf.reshape(stacked, [rows, tokens, 3, heads, width / heads]);
    const [q, k, v] = tf.unstack(tf.transpose(apart, [2, 0, 3, 1, 4])) as [Tensor, Tensor, Tensor];
    const context = attention(q, k, v, { scale: (width / heads) ** -0.5 }); // [rows, heads, tokens, .]
    const joined = tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [rows * tokens, width]);
    const middle = layerNorm(
      tf.add(x, tf.matMul(joined, p['out']!, false, true)),
      p['gamma']!,
      p['beta']!,
      1e-5,
    );
    const inner = gelu(tf.add(tf.matMul(middle, p['up']!, false, true), p['upBias']!));
    const after = tf.add(middle, tf.matMul(inner, p['down']!, false, true));
    const pooled = tf.mean(tf.reshape(after, [rows, tokens, width]), 1); // [rows, width]
    return softmaxCrossEntropy(tf.matMul(tf.tanh(pooled), p['head']!, false, true), y!);
  },
};

function inputsOf({ parameters, batch }: Model): Buffers {
  const next = randomNumbers(7);
  const drawn: Buffers = {};
  for (const [name, shape] of Object.entries(parameters)) {
    drawn[name] = randomTensor({ shape, dtype: 'float32', from: -0.3, to: 0.3 }, next);
  }
  for (const [name, spec] of Object.entries(batch)) {
    drawn[name] = randomTensor({ ...spec, from: spec.dtype === 'int32' ? 0 : -1 }, next);
  }
  return drawn;
}

function step(model: Model, parameters: Tensors, batch: Tensors): Tensors {
  const names = Object.keys(model.parameters);
  const loss = (...values: Tensor[]) =>
    model.loss(Object.fromEntries(names.map((name, i) => [name, values[i]!])), batch) as Scalar;
  const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => parameters[name]!));
  return {
    loss: value,
    ...Object.fromEntries(names.map((name, i) => [`gradient/${name}`, grads[i]!])),
  };
}

function traced(model: Model): Graph {
  return trace((context) => {
    const parameters = Object.entries(model.parameters).map(
      ([name, shape]) => [name, context.input(name, shape, 'float32')] as const,
    );
    const batch = Object.entries(model.batch).map(
      ([name, { shape, dtype }]) => [name, context.input(name, shape, dtype)] as const,
    );
    return step(model, Object.fromEntries(parameters), Object.fromEntries(batch));
  });
}

function eagerly(model: Model): Buffers {
  const drawn = inputsOf(model);
  const results: Buffers = {};
  onCpuBackend(() => {
    const tensor = (name: string, shape: Shape, dtype: DType) =>
      tf.tensor(drawn[name]!, [...shape], dtype);
    const parameters = Object.entries(model.parameters).map(
      ([name, shape]) => [name, tensor(name, shape, 'float32')] as const,
    );
    const batch = Object.entries(model.batch).map(
      ([name, { shape, dtype }]) => [name, tensor(name, shape, dtype)] as const,
    );
    const outputs = step(model, Object.fromEntries(parameters), Object.fromEntries(batch));
    for (const [name, value] of Object.entries(outputs))
      results[name] = value.dataSync<'float32'>().slice();
  });
  return results;
}

export interface ModelCase {
  readonly make: () => { graph: Graph; inputs: Buffers };
  readonly eager: () => Buffers;
}

const modelCase = (model: Model): ModelCase => ({
  make: () => ({ graph: traced(model), inputs: inputsOf(model) }),
  eager: () => eagerly(model),
});

export const modelCases: Readonly<Record<string, ModelCase>> = {
  'a perceptron': modelCase(mlp),
  'a transformer block': modelCase(block),
};

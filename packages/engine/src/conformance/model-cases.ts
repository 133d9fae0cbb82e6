/**
 * Small whole models, each as a traced training graph and as eager tfjs: loss and every gradient. Large enough that
 * engines split their work over threads.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import { attentionBias } from '../ops/attention-bias.js';
import { attention } from '../ops/attention.js';
import { chunkedCrossEntropy } from '../ops/chunked-cross-entropy.js';
import { embedding } from '../ops/embedding.js';
import { gelu } from '../ops/gelu.js';
import { layerNorm } from '../ops/layer-norm.js';
import { rmsNorm } from '../ops/rms-norm.js';
import { rotary } from '../ops/rotary.js';
import { siluGate } from '../ops/silu-gate.js';
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

const keyHeads = 2;
const headWidth = width / heads;

/** A decoder layer as of Llama: the table is the output layer, too, so its gradient is a scatter and products. */
const decoder: Model = {
  parameters: {
    table: [words, width],
    norm: [width],
    query: [width, width],
    key: [keyHeads * headWidth, width],
    value: [keyHeads * headWidth, width],
    out: [width, width],
    middleNorm: [width],
    gate: [2 * width, width],
    up: [2 * width, width],
    down: [width, 2 * width],
  },
  batch: {
    ids: { shape: [rows * tokens], dtype: 'int32', to: words },
    y: { shape: [rows * tokens], dtype: 'int32', to: words },
  },
  loss: (p, { ids, y }) => {
    const linear = (x: Tensor, name: string) => tf.matMul(x, p[name]!, false, true);
    const split = (x: Tensor, count: number) =>
      tf.transpose(tf.reshape(x, [rows, tokens, count, headWidth]), [0, 2, 1, 3]);
    const places = tf.tensor2d(rowsOf((place) => place % 20)); // two samples in a row
    const samples = tf.tensor2d(rowsOf((place) => 1 + Math.floor(place / 20)));
    const attending = { samples, positions: places };
    const bias = attentionBias({ queries: attending, keys: attending, causal: true, window: 12 });
    const angles = tf.mul(
      tf.reshape(places, [rows, 1, tokens, 1]),
      tf.tensor1d(Array.from({ length: headWidth / 2 }, (_, i) => 100 ** (-i / headWidth))),
    );
    const turn = (x: Tensor) => rotary(x, tf.cos(angles), tf.sin(angles));
    const x = embedding(p['table']!, ids!); // [rows * tokens, width]
    const normal = rmsNorm(x, p['norm']!, 1e-5);
    const context = attention(
      turn(split(linear(normal, 'query'), heads)),
      turn(split(linear(normal, 'key'), keyHeads)),
      split(linear(normal, 'value'), keyHeads),
      { scale: headWidth ** -0.5, bias },
    ); // [rows, heads, tokens, headWidth]
    const joined = tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [rows * tokens, width]);
    const middle = tf.add(x, linear(joined, 'out'));
    const inner = rmsNorm(middle, p['middleNorm']!, 1e-5);
    const gated = siluGate(linear(inner, 'gate'), linear(inner, 'up'));
    const after = tf.add(middle, linear(gated, 'down'));
    return chunkedCrossEntropy(after, p['table']!, y!, { chunkTokens: 48 }).lossSum;
  },
};

function rowsOf(value: (place: number) => number): number[][] {
  const row = Array.from({ length: tokens }, (_, place) => value(place));
  return Array.from({ length: rows }, () => row);
}

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
  'a decoder layer': modelCase(decoder),
};

/**
 * Differentiable tfjs functions: every kernel with a gradient of ours occurs in at least one. They are differentiated
 * with respect to all arguments, away from kinks, where finite differences mean something.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { attentionBias } from '../ops/attention-bias.js';
import { attention } from '../ops/attention.js';
import { chunkedCrossEntropy } from '../ops/chunked-cross-entropy.js';
import { dropout } from '../ops/dropout.js';
import { embedding } from '../ops/embedding.js';
import { gelu } from '../ops/gelu.js';
import { layerNorm } from '../ops/layer-norm.js';
import { rmsNorm } from '../ops/rms-norm.js';
import { rotary } from '../ops/rotary.js';
import { scaleGradient } from '../ops/scale-gradient.js';
import { siluGate } from '../ops/silu-gate.js';
import { softmaxCrossEntropy } from '../ops/softmax-cross-entropy.js';
import type { ChunkedCrossEntropyOptions } from '../ops/chunked-cross-entropy.js';
import type { Shape } from '../graph-types.js';

export interface GradientCase {
  readonly shapes: readonly Shape[];
  /** Arguments lie in [from, to). */
  readonly from: number;
  readonly to: number;
  readonly run: (...inputs: Tensor[]) => Tensor;
}

export interface GradientArgument {
  readonly name: string;
  readonly shape: Shape;
  readonly from: number;
  readonly to: number;
}

/** The arguments of a case as graph inputs: its own, then the weights of `weightedSum`. */
export function argumentsOf(
  name: string,
  { shapes, from, to }: GradientCase,
): readonly GradientArgument[] {
  const own = shapes.map((shape, i) => ({ name: `in ${name}.${i}`, shape, from, to }));
  return [...own, { name: `in ${name}.weights`, shape: [128], from: -1, to: 1 }];
}

/** The case as one number: its values weighted, so that no gradient is zero by symmetry or known without running. */
export function weightedSum({ run }: GradientCase, inputs: readonly Tensor[]): tf.Scalar {
  const y = run(...inputs.slice(0, -1));
  const weights = tf.reshape(tf.slice(inputs.at(-1)!, [0], [y.size]), y.shape);
  return tf.sum(tf.mul(y, weights)) as tf.Scalar;
}

/** Value and gradients of `weightedSum` with respect to the case's own arguments. */
export function weightedGradients(
  gradientCase: GradientCase,
  inputs: readonly Tensor[],
): { value: Tensor; grads: Tensor[] } {
  const own = inputs.slice(0, -1);
  return tf.valueAndGrads((...xs: Tensor[]) => weightedSum(gradientCase, [...xs, inputs.at(-1)!]))(
    own,
  );
}

const on =
  (from: number, to: number, ...shapes: Shape[]) =>
  (run: (...inputs: Tensor[]) => Tensor): GradientCase => ({ shapes, from, to, run });
const one = on(-1.5, 1.5, [3, 4]);
const positive = on(0.4, 2, [3, 4]);
const inner = on(-0.8, 0.8, [3, 4]);
const two = on(-1.5, 1.5, [3, 4], [4]);
const twoPositive = on(0.4, 2, [3, 4], [3, 1]);

const ids = () => tf.tensor1d([2, 0, 2, 4], 'int32');
const mask = (shape: number[]) =>
  tf.tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i % 3 === 0 ? 0 : 1)),
    shape,
    'bool',
  );

/** Three tokens in two rows: one sample, two samples. */
const tokens = () => ({
  samples: tf.tensor2d([
    [1, 1, 1],
    [1, 1, 2],
  ]),
  positions: tf.tensor2d([
    [0, 1, 2],
    [0, 1, 0],
  ]),
});
const angles = () =>
  tf.tensor(
    Array.from({ length: 12 }, (_, i) => 0.45 * i - 2),
    [2, 1, 3, 2],
  );

const words = Array.from({ length: 21 }, (_, i) => Math.sin(3 * i));

/** In chunks of two tokens; one token does not count. The hits have a gradient of zero. */
function lossAndHits(hidden: Tensor, head: Tensor, options: ChunkedCrossEntropyOptions): Tensor {
  const labels = tf.tensor1d([3, 0, -100, 6, 2], 'int32');
  const all = { chunkTokens: 2, ...options };
  const { lossSum, correct } = chunkedCrossEntropy(hidden, head, labels, all);
  return tf.stack([lossSum, correct]);
}

export const gradientCases: Readonly<Record<string, GradientCase>> = {
  neg: one(tf.neg),
  abs: positive(tf.abs),
  exp: one(tf.exp),
  expm1: one(tf.expm1),
  log: positive(tf.log),
  log1p: positive(tf.log1p),
  sqrt: positive(tf.sqrt),
  rsqrt: positive(tf.rsqrt),
  reciprocal: positive(tf.reciprocal),
  square: one(tf.square),
  sin: one(tf.sin),
  cos: one(tf.cos),
  tan: inner(tf.tan),
  asin: inner(tf.asin),
  acos: inner(tf.acos),
  atan: one(tf.atan),
  sinh: one(tf.sinh),
  cosh: one(tf.cosh),
  tanh: one(tf.tanh),
  asinh: one(tf.asinh),
  acosh: on(1.3, 3, [3, 4])(tf.acosh),
  atanh: inner(tf.atanh),
  erf: one(tf.erf),
  sigmoid: one(tf.sigmoid),
  softplus: one(tf.softplus),
  relu: positive((x) => tf.relu(tf.sub(x, 0.2))),
  relu6: on(0.5, 5, [3, 4])(tf.relu6),
  'relu below': on(-2, -0.5, [4])((x) => tf.add(tf.relu(x), tf.leakyRelu(x, 0.3))),
  elu: on(-2, -0.2, [4])(tf.elu),
  selu: on(-2, -0.2, [4])(tf.selu),
  leakyRelu: positive((x) => tf.leakyRelu(x)),
  prelu: on(-2, -0.3, [3, 4], [4])((x, alpha) => tf.prelu(x, alpha)),
  clip: on(-0.4, 0.4, [4])((x) => tf.clipByValue(x, -0.5, 0.5)),
  floor: on(0.2, 0.8, [4])((x) => tf.add(x, tf.floor(x))),
  add: two((a, b) => tf.add(a, b)),
  sub: two((a, b) => tf.sub(a, b)),
  mul: two((a, b) => tf.mul(a, b)),
  div: twoPositive((a, b) => tf.div(a, b)),
  pow: twoPositive((a, b) => tf.pow(a, b)),
  mod: on(2.2, 2.8, [3], [3])((a, b) => tf.mod(tf.mul(a, 2), b)),
  maximum: two((a, b) => tf.maximum(a, tf.mul(b, 3))),
  minimum: two((a, b) => tf.minimum(a, tf.mul(b, 3))),
  squaredDifference: two((a, b) => tf.squaredDifference(a, b)),
  addN: on(-1, 1, [3], [3], [3])((...all) => tf.addN(all.map((x) => tf.square(x)))),
  'where over a comparison': on(
    -2,
    2,
    [3, 4],
    [3, 4],
  )((a, b) => tf.where(tf.greater(a, 0.01), tf.square(a), tf.mul(b, 2))),
  'cast comparison': one((x) => tf.mul(tf.cast(tf.lessEqual(x, 0.01), 'float32'), x)),
  sum: one((x) => tf.sum(tf.square(x), 1)),
  'sum of all': one((x) => tf.sum(tf.square(x))),
  mean: one((x) => tf.mean(tf.square(x), 0, true)),
  max: one((x) => tf.max(x, 1)),
  min: one((x) => tf.min(x, 0)),
  cumsum: one((x) => tf.cumsum(x, 1)),
  softmax: one((x) => tf.softmax(x)),
  logSoftmax: one((x) => tf.logSoftmax(x)),
  matMul: on(-1, 1, [3, 4], [4, 2])((a, b) => tf.matMul(a, b)),
  'matMul tn': on(-1, 1, [4, 3], [4, 2])((a, b) => tf.matMul(a, b, true, false)),
  'matMul nt': on(-1, 1, [3, 4], [2, 4])((a, b) => tf.matMul(a, b, false, true)),
  'matMul tt': on(-1, 1, [4, 3], [2, 4])((a, b) => tf.matMul(a, b, true, true)),
  'matMul batched': on(-1, 1, [2, 3, 4], [2, 2, 4])((a, b) => tf.matMul(a, b, false, true)),
  'matMul with a shared right side': on(-1, 1, [2, 3, 4], [4, 2])((a, b) => tf.matMul(a, b)),
  'matMul with a shared transposed right side': on(
    -1,
    1,
    [2, 3, 4],
    [2, 4],
  )((a, b) => tf.matMul(a, b, false, true)),
  'matMul with a shared left side': on(-1, 1, [3, 4], [2, 4, 2])((a, b) => tf.matMul(a, b)),
  'matMul broadcasting both': on(-1, 1, [2, 1, 3, 4], [2, 4, 2])((a, b) => tf.matMul(a, b)),
  reshape: one((x) => tf.square(tf.reshape(x, [2, 6]))),
  expandDims: one((x) => tf.square(tf.expandDims(x, 1))),
  transpose: one((x) => tf.square(tf.transpose(x))),
  tile: one((x) => tf.square(tf.tile(x, [2, 3]))),
  broadcastTo: on(-1, 1, [3, 1])((x) => tf.square(tf.broadcastTo(x, [2, 3, 4]))),
  slice: one((x) => tf.square(tf.slice(x, [1, 0], [2, 3]))),
  reverse: one((x) => tf.mul(tf.reverse(x, 1), x)),
  pad: one((x) =>
    tf.square(
      tf.pad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        1,
      ),
    ),
  ),
  concat: on(-1, 1, [2, 3], [2, 1])((a, b) => tf.square(tf.concat([a, b], 1))),
  stack: on(-1, 1, [2, 3], [2, 3])((a, b) => tf.square(tf.stack([a, b], 1))),
  split: one((x) => tf.mul(...(tf.split(x, 2, 1) as [Tensor, Tensor]))),
  unstack: one((x) => tf.mul(tf.unstack(x)[0]!, tf.unstack(x)[2]!)),
  gather: on(-1, 1, [5, 3])((x) => tf.square(tf.gather(x, ids()))),
  'gather along axis 1': on(-1, 1, [2, 5, 2])((x) => tf.square(tf.gather(x, ids(), 1))),
  unsortedSegmentSum: on(-1, 1, [4, 3])((x) => tf.square(tf.unsortedSegmentSum(x, ids(), 5))),
  layerNorm: on(-1, 1, [3, 6], [6], [6])((x, gamma, beta) => layerNorm(x, gamma, beta, 1e-5)),
  'layerNorm of rank 3': on(
    -1,
    1,
    [2, 2, 6],
    [6],
    [6],
  )((x, gamma, beta) => layerNorm(x, gamma, beta, 1e-3)),
  gelu: on(-3, 3, [3, 4])((x) => gelu(x)),
  'gelu tanh': on(-3, 3, [3, 4])((x) => gelu(x, 'tanh')),
  dropout: one((x) => dropout(x, mask([3, 4]), 0.25)),
  embedding: on(-1, 1, [5, 3])((table) => tf.square(embedding(table, ids()))),
  crossEntropy: one((x) => softmaxCrossEntropy(x, tf.tensor1d([3, 0, 1], 'int32'))),
  'crossEntropy, smoothed, one row ignored': one((x) =>
    softmaxCrossEntropy(x, tf.tensor1d([3, -100, 1], 'int32'), { labelSmoothing: 0.2 }),
  ),
  attention: on(
    -1,
    1,
    [2, 3, 4],
    [2, 5, 4],
    [2, 5, 4],
  )((q, k, v) => attention(q, k, v, { scale: 0.5 })),
  'attention with bias and dropout': on(
    -1,
    1,
    [2, 3, 4],
    [2, 5, 4],
    [2, 5, 4],
  )((q, k, v) =>
    attention(q, k, v, {
      scale: 0.5,
      bias: tf.tensor([0, 0, -1e9, 0, 0.5], [1, 1, 5]),
      dropout: { mask: mask([2, 3, 5]), rate: 0.3 },
    }),
  ),
  'attention of grouped heads': on(
    -1,
    1,
    [1, 4, 3, 2],
    [1, 2, 3, 2],
    [1, 2, 3, 2],
  )((q, k, v) => attention(q, k, v, { scale: 0.7 })),
  'attention of grouped heads, causal, in samples, with dropout': on(
    -1,
    1,
    [2, 4, 3, 2],
    [2, 2, 3, 2],
    [2, 2, 3, 2],
  )((q, k, v) =>
    attention(q, k, v, {
      scale: 0.7,
      bias: attentionBias({ queries: tokens(), keys: tokens(), causal: true }),
      dropout: { mask: mask([2, 4, 3, 3]), rate: 0.3 },
    }),
  ),
  rmsNorm: on(-1, 1, [3, 6], [6])((x, gamma) => rmsNorm(x, gamma, 1e-5)),
  'rmsNorm of rank 4': on(-1, 1, [2, 2, 2, 4], [4])((x, gamma) => rmsNorm(x, gamma, 1e-3)),
  rotary: on(-1, 1, [2, 2, 3, 4])((x) => rotary(x, tf.cos(angles()), tf.sin(angles()))),
  // Finite differences know nothing of another gradient than the value's: with a factor of 1 it is that.
  'scaleGradient by 1': one((x) => scaleGradient(tf.square(x), tf.ones([3, 1]))),
  siluGate: two((gate, up) => siluGate(gate, tf.broadcastTo(up, [3, 4]))),
  chunkedCrossEntropy: on(-1, 1, [5, 3], [7, 3])((hidden, head) => lossAndHits(hidden, head, {})),
  'chunkedCrossEntropy, smoothed, of one chunk, of the hidden states alone': on(
    -1,
    1,
    [5, 3],
  )((hidden) =>
    lossAndHits(hidden, tf.tensor2d(words, [7, 3]), {
      gradient: 'hidden',
      labelSmoothing: 0.2,
      chunkTokens: 5,
    }),
  ),
};

/** What every op means, in eager tfjs: slow and obvious, the oracle for the other engines. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { GraphNode } from '../graph/graph.js';
import type { OpName, ReduceOp } from '../graph/ops.js';
import { broadcastShapes, elementCount } from '../graph/shape.js';
import { dropoutMath, geluGradMath, geluMath, layerNormMath } from './fused-math.js';

type ReferenceKernel<Op extends OpName> = (
  inputs: readonly Tensor[],
  attributes: GraphNode<Op>['attributes'],
) => Tensor | readonly Tensor[];

const unary = (compute: (x: Tensor) => Tensor) => (inputs: readonly Tensor[]) =>
  compute(inputs[0]!);
const binary = (compute: (a: Tensor, b: Tensor) => Tensor) => (inputs: readonly Tensor[]) =>
  compute(inputs[0]!, inputs[1]!);
const reduce =
  (compute: (x: Tensor, axes: number[], keepDims: boolean) => Tensor): ReferenceKernel<ReduceOp> =>
  (inputs, { axes, keepDims }) =>
    compute(inputs[0]!, [...axes], keepDims);

/** StridedSlice with ends past either border: tfjs reads a negative end from the back, so it gets a mask instead. */
function slice(x: Tensor, { begin, size, strides }: GraphNode<'slice'>['attributes']): Tensor {
  if (elementCount(size) === 0 || x.rank === 0) return tf.reshape(x, [...size]);
  const ends = begin.map((from, axis) => from + size[axis]! * strides[axis]!);
  const endMask = ends.reduce((mask, end, axis) => (end < 0 ? mask | (1 << axis) : mask), 0);
  return tf.stridedSlice(x, [...begin], ends, [...strides], 0, endMask);
}

/** Broadcast here, because tfjs's cpu kernel broadcasts batches of several axes wrongly. */
function batchesAlike(a: Tensor, b: Tensor): [Tensor, Tensor] {
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const spread = (x: Tensor) => tf.broadcastTo(x, [...batch, ...x.shape.slice(-2)] as [number]);
  return [spread(a), spread(b)];
}

function matMul(
  inputs: readonly Tensor[],
  { transposeA, transposeB, alpha }: GraphNode<'matMul'>['attributes'],
): Tensor {
  const [a, b] = batchesAlike(inputs[0]!, inputs[1]!);
  const product = tf.matMul(a, b, transposeA, transposeB);
  const scaled = alpha === 1 ? product : tf.mul(product, tf.scalar(alpha));
  return inputs[2] === undefined ? scaled : tf.add(scaled, inputs[2]);
}

const referenceKernels: { [Op in OpName]: ReferenceKernel<Op> } = {
  exp: unary(tf.exp),
  log: unary(tf.log),
  sqrt: unary(tf.sqrt),
  rsqrt: unary(tf.rsqrt),
  reciprocal: unary(tf.reciprocal),
  sin: unary(tf.sin),
  cos: unary(tf.cos),
  tan: unary(tf.tan),
  asin: unary(tf.asin),
  acos: unary(tf.acos),
  atan: unary(tf.atan),
  sinh: unary(tf.sinh),
  cosh: unary(tf.cosh),
  tanh: unary(tf.tanh),
  asinh: unary(tf.asinh),
  acosh: unary(tf.acosh),
  atanh: unary(tf.atanh),
  erf: unary(tf.erf),
  sigmoid: unary(tf.sigmoid),
  softplus: unary(tf.softplus),
  floor: unary(tf.floor),
  ceil: unary(tf.ceil),
  round: unary(tf.round),
  neg: unary(tf.neg),
  abs: unary(tf.abs),
  sign: unary(tf.sign),
  relu: unary(tf.relu),
  isNaN: unary(tf.isNaN),
  isInf: unary(tf.isInf),
  logicalNot: unary(tf.logicalNot),
  add: binary(tf.add),
  sub: binary(tf.sub),
  mul: binary(tf.mul),
  div: binary(tf.div),
  pow: binary(tf.pow),
  max: binary(tf.maximum),
  min: binary(tf.minimum),
  equal: binary(tf.equal),
  less: binary(tf.less),
  lessEqual: binary(tf.lessEqual),
  logicalAnd: binary(tf.logicalAnd),
  logicalOr: binary(tf.logicalOr),
  reduceSum: reduce(tf.sum),
  reduceMean: reduce(tf.mean),
  reduceMax: reduce(tf.max),
  reduceMin: reduce(tf.min),
  reduceProd: reduce(tf.prod),
  argMax: (inputs, { axis }) => tf.argMax(inputs[0]!, axis),
  argMin: (inputs, { axis }) => tf.argMin(inputs[0]!, axis),

  constant: (_, { data, shape, dtype }) => tf.tensor(data, [...shape], dtype),
  splat: (_, { value, shape, dtype }) => tf.fill([...shape], value, dtype),
  cast: (inputs, { dtype }) => tf.cast(inputs[0]!, dtype),
  select: (inputs) => tf.where(inputs[0]!, inputs[1]!, inputs[2]!),
  reshape: (inputs, { shape }) => tf.reshape(inputs[0]!, [...shape]),
  transpose: (inputs, { perm }) => tf.transpose(inputs[0]!, [...perm]),
  broadcast: (inputs, { shape }) => tf.broadcastTo(inputs[0]!, [...shape] as [number]),
  slice: (inputs, attributes) => slice(inputs[0]!, attributes),
  pad: (inputs, { paddings, value }) =>
    tf.pad(
      inputs[0]!,
      paddings.map(([before, after]) => [before, after]),
      value,
    ),
  concat: (inputs, { axis }) => tf.concat([...inputs], axis),
  gather: (inputs, { axis }) => tf.gather(inputs[0]!, inputs[1] as never, axis),
  segmentSum: (inputs, { numSegments }) =>
    tf.unsortedSegmentSum(inputs[0]!, inputs[1] as never, numSegments),
  cumsum: (inputs, { axis, exclusive, reverse }) => tf.cumsum(inputs[0]!, axis, exclusive, reverse),
  matMul,
  softmax: unary((x) => tf.softmax(x)),
  logSoftmax: unary((x) => tf.logSoftmax(x)),
  layerNorm: (inputs, { epsilon }) => layerNormMath(inputs[0]!, inputs[1]!, inputs[2]!, epsilon),
  gelu: (inputs, { approximate }) => geluMath(inputs[0]!, approximate),
  geluGrad: (inputs, { approximate }) => geluGradMath(inputs[0]!, inputs[1]!, approximate),
  dropout: (inputs, { scale }) => dropoutMath(inputs[0]!, inputs[1]!, scale),
};

/** Runs one node eagerly on the current tfjs backend. */
export function runReferenceNode<Op extends OpName>(
  node: GraphNode<Op>,
  inputs: readonly Tensor[],
): readonly Tensor[] {
  const kernel: ReferenceKernel<Op> = referenceKernels[node.op as Op];
  const outputs = kernel(inputs, node.attributes);
  return Array.isArray(outputs) ? (outputs as readonly Tensor[]) : [outputs as Tensor];
}

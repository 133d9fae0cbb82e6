/** tfjs's kernels that combine values: reductions, products, softmax; and our own fused ones. */
import { util } from '@tensorflow/tfjs-core';
import { MicrotuneError } from '@microtune/shared';
import type { GraphBuilder } from '../graph/graph-builder.js';
import type { Value } from '../graph/graph.js';
import type { GeluApproximation, ReduceOp } from '../graph/ops.js';
import { fusedKernelNames } from '../ops/fused-kernel-names.js';
import { activations } from './elementwise-kernels.js';
import { kernel, plain, toFloat } from './trace-kernel.js';
import type { TraceKernel } from './trace-kernel.js';

type Axes = number | number[] | undefined;
interface Reduction {
  axis?: Axes;
  /** What Max calls its axes. */
  reductionIndices?: Axes;
  keepDims?: boolean;
}

function reduce(build: GraphBuilder, op: ReduceOp, x: Value, reduction: Reduction): Value {
  const given = reduction.axis ?? reduction.reductionIndices;
  // tfjs reads an absent axis as all of them; its type does not say so.
  const axes = util.parseAxisParam(given as number | number[], [...x.shape]).sort((a, b) => a - b);
  return axes.length === 0
    ? x
    : build.add(op, [x], { axes, keepDims: reduction.keepDims ?? false });
}

const reduction = (op: ReduceOp) =>
  kernel<'x', Reduction>((build, { x }, attributes) => reduce(build, op, x, attributes));

/** any and all: the extreme of 0 and 1. */
const logicalReduction = (op: 'reduceMax' | 'reduceMin') =>
  kernel<'x', Reduction>((build, { x }, attributes) => {
    const numbers = build.add('cast', [x], { dtype: 'int32' });
    return build.add('cast', [reduce(build, op, numbers, attributes)], { dtype: 'bool' });
  });

const argReduction = (op: 'argMax' | 'argMin') =>
  kernel<'x', { axis: Axes }>((build, { x }, { axis }) =>
    build.add(op, [x], { axis: util.parseAxisParam(axis ?? 0, [...x.shape])[0]! }),
  );

const overLastAxis =
  (op: 'softmax' | 'logSoftmax') => (build: GraphBuilder, x: Value, axis: number) => {
    if (axis !== x.shape.length - 1)
      throw new MicrotuneError('usage', `${op} works on the last axis, not on ${axis}`);
    return plain(build, op, x);
  };

interface MatMul {
  transposeA: boolean;
  transposeB: boolean;
}
function matMul(
  build: GraphBuilder,
  inputs: readonly Value[],
  { transposeA, transposeB }: MatMul,
): Value {
  return build.add('matMul', inputs, { transposeA, transposeB, alpha: 1 });
}

function fusedMatMul(
  build: GraphBuilder,
  { a, b, bias }: Readonly<Record<'a' | 'b', Value>> & { readonly bias?: Value },
  attributes: MatMul & { activation: string },
): Value {
  const activate = activations[attributes.activation];
  if (activate === undefined) {
    throw new MicrotuneError(
      'usage',
      `tf.fused.matMul with ${attributes.activation} is not supported in a trace`,
    );
  }
  const product = matMul(build, [a, b], attributes);
  return activate(build, bias === undefined ? product : plain(build, 'add', product, bias));
}

export const reductionKernels: Readonly<Record<string, TraceKernel>> = {
  Sum: reduction('reduceSum'),
  Max: reduction('reduceMax'),
  Min: reduction('reduceMin'),
  Prod: reduction('reduceProd'),
  Mean: kernel<'x', Reduction>((build, { x }, attributes) =>
    reduce(build, 'reduceMean', toFloat(build, x), attributes),
  ),
  Any: logicalReduction('reduceMax'),
  All: logicalReduction('reduceMin'),
  ArgMax: argReduction('argMax'),
  ArgMin: argReduction('argMin'),
  Cumsum: kernel<'x', { axis: number; exclusive: boolean; reverse: boolean }>(
    (build, { x }, attributes) =>
      build.add('cumsum', [x], {
        axis: util.parseAxisParam(attributes.axis, [...x.shape])[0]!,
        exclusive: attributes.exclusive,
        reverse: attributes.reverse,
      }),
  ),
  Softmax: kernel<'logits', { dim: number }>((build, { logits }, { dim }) =>
    overLastAxis('softmax')(build, logits, dim),
  ),
  LogSoftmax: kernel<'logits', { axis: number }>((build, { logits }, { axis }) =>
    overLastAxis('logSoftmax')(build, logits, axis),
  ),
  BatchMatMul: kernel<'a' | 'b', MatMul>((build, { a, b }, attributes) =>
    matMul(build, [a, b], attributes),
  ),
  _FusedMatMul: kernel<'a' | 'b', MatMul & { activation: string }>(fusedMatMul),

  [fusedKernelNames.layerNorm]: kernel<'x' | 'gamma' | 'beta', { epsilon: number }>(
    (build, { x, gamma, beta }, { epsilon }) =>
      build.addMany('layerNorm', [x, gamma, beta], { epsilon }),
  ),
  [fusedKernelNames.gelu]: kernel<'x', { approximate: GeluApproximation }>(
    (build, { x }, { approximate }) => build.add('gelu', [x], { approximate }),
  ),
  [fusedKernelNames.geluGrad]: kernel<'dy' | 'x', { approximate: GeluApproximation }>(
    (build, { dy, x }, { approximate }) => build.add('geluGrad', [dy, x], { approximate }),
  ),
  [fusedKernelNames.dropout]: kernel<'x' | 'mask', { scale: number }>(
    (build, { x, mask }, { scale }) => build.add('dropout', [x, mask], { scale }),
  ),
};

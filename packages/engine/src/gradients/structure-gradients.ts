/** Gradients of tfjs's kernels that reduce, multiply matrices, or move values about. */
import {
  broadcastTo, cast, concat, cumsum, equal, exp, matMul, mul, pad, reshape, reverse, scalar, slice, slice_util,
  split, stack, sub, sum, transpose, unsortedSegmentSum, unstack, util, zeros, gather,
} from '@tensorflow/tfjs-core'; // prettier-ignore
import type { Tensor } from '@tensorflow/tfjs-core';
import { MicrotuneError } from '@microtune/shared';
import { reducedShape } from '../graph/shape.js';
import { rule, sumTo } from './gradient-rule.js';
import type { GradientRule } from './gradient-rule.js';

/** tfjs gives the gradient of a single output bare. */
const each = (dy: Tensor | Tensor[]): Tensor[] => (Array.isArray(dy) ? dy : [dy]);

interface Reduction {
  axis?: number | number[];
  reductionIndices?: number | number[];
}

function reducedAxes(x: Tensor, reduction: Reduction): number[] {
  // tfjs reads an absent axis as all of them; its type does not say so.
  return util.parseAxisParam(
    (reduction.axis ?? reduction.reductionIndices) as number | number[],
    x.shape,
  );
}

/** A tensor of the reduced shape with the reduced axes kept, so that it broadcasts against `x`. */
function kept(reduced: Tensor, x: Tensor, axes: readonly number[]): Tensor {
  return reshape(reduced, [...reducedShape(x.shape, axes, true)]);
}

const sumGradient = (isMean: boolean) =>
  rule<Reduction>({ inputs: ['x'] }, (dy, [x], reduction) => ({
    x: () => {
      const axes = reducedAxes(x!, reduction);
      const count = axes.reduce((product, axis) => product * x!.shape[axis]!, 1);
      const one = kept(dy, x!, axes);
      return broadcastTo(isMean ? mul(one, scalar(1 / count)) : one, x!.shape as [number]);
    },
  }));

/** Every tie gets the whole gradient, as in @tensorflow/tfjs. */
const extremeGradient = rule<Reduction>(
  { inputs: ['x'], output: true },
  (dy, [x, y], reduction) => ({
    x: () => {
      const axes = reducedAxes(x!, reduction);
      return mul(kept(dy, x!, axes), cast(equal(x!, kept(y!, x!, axes)), 'float32'));
    },
  }),
);

const noGradient = rule({ inputs: ['x'] }, (_, [x]) => ({ x: () => zeros(x!.shape) }));

interface MatMul {
  transposeA: boolean;
  transposeB: boolean;
}

/** With b shared by the whole batch its gradient is one product over batch and rows, not a sum of products. */
function sharedGradient(dy: Tensor, a: Tensor, transposeB: boolean): Tensor {
  const rows = reshape(a, [-1, a.shape.at(-1)!]); // [batch * M, K]
  const dyRows = reshape(dy, [-1, dy.shape.at(-1)!]); // [batch * M, N]
  return transposeB ? matMul(dyRows, rows, true, false) : matMul(rows, dyRows, true, false);
}

const matMulGradient = rule<MatMul>(
  { inputs: ['a', 'b'] },
  (dy, [a, b], { transposeA, transposeB }) => ({
    a: () =>
      sumTo(
        transposeA ? matMul(b!, dy, transposeB, true) : matMul(dy, b!, false, !transposeB),
        a!.shape,
      ),
    b: () =>
      b!.rank === 2 && a!.rank > 2 && !transposeA
        ? sharedGradient(dy, a!, transposeB)
        : sumTo(
            transposeB ? matMul(dy, a!, true, transposeA) : matMul(a!, dy, !transposeA, false),
            b!.shape,
          ),
  }),
);

/** Moves `axis` to the front. */
function axisFirst(x: Tensor, axis: number): { moved: Tensor; undo: number[] } {
  const perm = [axis, ...x.shape.map((_, i) => i).filter((i) => i !== axis)];
  return { moved: transpose(x, perm), undo: perm.map((_, i) => perm.indexOf(i)) };
}

const gatherGradient = rule<{ axis: number; batchDims: number }>(
  { inputs: ['x', 'indices'] },
  (dy, [x, indices], attributes) => ({
    x: () => {
      if (attributes.batchDims !== 0) {
        throw new MicrotuneError(
          'usage',
          'tf.gather with batchDims has no gradient here; reshape to one batch',
        );
      }
      const axis = util.parseAxisParam(attributes.axis, x!.shape)[0]!;
      const ids = reshape(indices!, [indices!.size]);
      const flat = reshape(dy, [
        ...x!.shape.slice(0, axis),
        indices!.size,
        ...x!.shape.slice(axis + 1),
      ]);
      if (axis === 0) return unsortedSegmentSum(flat, ids as never, x!.shape[0]!);
      const { moved, undo } = axisFirst(flat, axis);
      return transpose(unsortedSegmentSum(moved, ids as never, x!.shape[axis]!), undo);
    },
    indices: () => zeros(indices!.shape),
  }),
);

/** Splits each axis into (repeat, extent) and sums the repeats. */
const tileGradient = rule<{ reps: number[] }>({ inputs: ['x'] }, (dy, [x], { reps }) => ({
  x: () => {
    const parts = reshape(
      dy,
      x!.shape.flatMap((extent, axis) => [reps[axis]!, extent]),
    );
    return sum(
      parts,
      x!.shape.map((_, axis) => 2 * axis),
    );
  },
}));

const sliceGradient = rule<{ begin: number[]; size: number[] }>(
  { inputs: ['x'] },
  (dy, [x], attributes) => ({
    x: () => {
      const [begin, size] = slice_util.parseSliceParams(x!, attributes.begin, attributes.size);
      return pad(
        dy,
        begin!.map((from, axis) => [from, x!.shape[axis]! - from - size![axis]!]),
      );
    },
  }),
);

export const structureGradients: Readonly<Record<string, GradientRule>> = {
  Sum: sumGradient(false),
  Mean: sumGradient(true),
  Max: extremeGradient,
  Min: extremeGradient,
  ArgMax: noGradient,
  ArgMin: noGradient,
  Any: noGradient,
  All: noGradient,
  ZerosLike: noGradient,
  OnesLike: noGradient,
  OneHot: rule({ inputs: ['indices'] }, (_, [indices]) => ({
    indices: () => zeros(indices!.shape),
  })),
  Cumsum: rule<{ axis: number; exclusive: boolean; reverse: boolean }>(
    {},
    (dy, _, { axis, exclusive, reverse: back }) => ({
      x: () => cumsum(dy, axis, exclusive, !back),
    }),
  ),
  Softmax: rule({ output: true }, (dy, [y]) => ({
    logits: () => mul(y!, sub(dy, sum(mul(dy, y!), -1, true))),
  })),
  LogSoftmax: rule({ output: true }, (dy, [y]) => ({
    logits: () => sub(dy, mul(sum(dy, -1, true), exp(y!))),
  })),
  BatchMatMul: matMulGradient,

  Reshape: rule({ inputs: ['x'] }, (dy, [x]) => ({ x: () => reshape(dy, x!.shape) })),
  ExpandDims: rule({ inputs: ['input'] }, (dy, [input]) => ({
    input: () => reshape(dy, input!.shape),
  })),
  Transpose: rule<{ perm: number[] }>({}, (dy, _, { perm }) => ({
    x: () =>
      transpose(
        dy,
        perm.map((_axis, i) => perm.indexOf(i)),
      ),
  })),
  BroadcastTo: rule({ inputs: ['x'] }, (dy, [x]) => ({ x: () => sumTo(dy, x!.shape) })),
  Tile: tileGradient,
  Slice: sliceGradient,
  Reverse: rule<{ dims: number | number[] }>({}, (dy, _, { dims }) => ({
    x: () => reverse(dy, dims),
  })),
  PadV2: rule<{ paddings: [number, number][] }>({ inputs: ['x'] }, (dy, [x], { paddings }) => ({
    x: () =>
      slice(
        dy,
        paddings.map(([before]) => before),
        x!.shape,
      ),
  })),
  GatherV2: gatherGradient,
  UnsortedSegmentSum: rule({ inputs: ['segmentIds'] }, (dy, [ids]) => ({
    x: () => gather(dy, ids as never),
    segmentIds: () => zeros(ids!.shape),
  })),
  Concat: {
    saveAllInputs: true,
    gradFunc: (dy, saved, attributes) => {
      const axis = util.parseAxisParam(attributes['axis'] as number, saved[0]!.shape)[0]!;
      const parts = split(
        dy as Tensor,
        saved.map((input) => input.shape[axis]!),
        axis,
      );
      return Object.fromEntries(parts.map((part, i) => [i, () => part]));
    },
  },
  Pack: {
    saveAllInputs: true,
    gradFunc: (dy, _, attributes) =>
      Object.fromEntries(
        unstack(dy as Tensor, attributes['axis'] as number).map((part, i) => [i, () => part]),
      ),
  },
  SplitV: {
    gradFunc: (dy, _, attributes) => ({ x: () => concat(each(dy), attributes['axis'] as number) }),
  },
  Unpack: {
    gradFunc: (dy, _, attributes) => ({
      value: () => stack(each(dy), attributes['axis'] as number),
    }),
  },
};

/** tfjs's kernels that move values about: reshaping, slicing, joining, gathering, filling. */
import { backend_util, slice_util, util } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { MicrotuneError } from '@microtune/shared';
import { constantOf } from '../graph/constant-of.js';
import type { GraphBuilder } from '../graph/graph-builder.js';
import type { Value } from '../graph/graph.js';
import { elementCount } from '../graph/shape.js';
import type { DType, Shape } from '../graph-types.js';
import { kernel, plain, reshaped } from './trace-kernel.js';
import type { TraceKernel } from './trace-kernel.js';

const ones = (shape: Shape) => shape.map(() => 1);

/** tfjs's shape helpers take a tensor and read its shape only. */
const shapeOnly = (x: Value) =>
  ({ shape: [...x.shape], rank: x.shape.length }) as unknown as Tensor;

function oneAxis(axis: number, shape: Shape): number {
  return util.parseAxisParam(axis, [...shape])[0]!;
}

function insertAxis(shape: Shape, axis: number, extent: number): number[] {
  return [...shape.slice(0, axis), extent, ...shape.slice(axis)];
}

/** Repeats by broadcasting a new axis before each repeated one. */
function tile(build: GraphBuilder, x: Value, reps: readonly number[]): Value {
  const target = x.shape.map((extent, axis) => extent * reps[axis]!);
  const stretches = x.shape.every((extent, axis) => extent === 1 || reps[axis] === 1);
  if (stretches) return build.add('broadcast', [x], { shape: target });
  const split = reshaped(
    build,
    x,
    x.shape.flatMap((extent) => [1, extent]),
  );
  const repeated = x.shape.flatMap((extent, axis) => [reps[axis]!, extent]);
  return reshaped(build, build.add('broadcast', [split], { shape: repeated }), target);
}

function slice(build: GraphBuilder, x: Value, begin: readonly number[], size: Shape): Value {
  return build.add('slice', [x], { begin, size, strides: ones(x.shape) });
}

function split(build: GraphBuilder, x: Value, axis: number, extents: readonly number[]): Value[] {
  let from = 0;
  return extents.map((extent) => {
    const begin = x.shape.map((_, i) => (i === axis ? from : 0));
    from += extent;
    return slice(
      build,
      x,
      begin,
      x.shape.map((own, i) => (i === axis ? extent : own)),
    );
  });
}

function concat(build: GraphBuilder, inputs: readonly Value[], axis: number): Value {
  const filled = inputs.filter((input) => elementCount(input.shape) > 0);
  return filled.length === 1
    ? filled[0]!
    : build.add('concat', filled.length === 0 ? inputs : filled, { axis });
}

interface StridedSlice {
  begin: number[];
  end: number[];
  strides: number[];
  beginMask: number;
  endMask: number;
  ellipsisMask: number;
  newAxisMask: number;
  shrinkAxisMask: number;
}

function stridedSlice(build: GraphBuilder, x: Value, given: StridedSlice): Value {
  const { begin, end, strides, finalShape } = slice_util.sliceInfo(
    [...x.shape], given.begin, given.end, given.strides,
    given.beginMask, given.endMask, given.ellipsisMask, given.newAxisMask, given.shrinkAxisMask,
  ); // prettier-ignore
  const size = slice_util.computeOutShape(begin, end, strides);
  return reshaped(build, build.add('slice', [x], { begin, size, strides }), finalShape);
}

/** A comparison with 0, 1, ..., so that an index outside the depth gives `offValue` everywhere, as in tfjs. */
function oneHot(
  build: GraphBuilder,
  indices: Value,
  options: { depth: number; onValue: number; offValue: number; dtype: DType },
): Value {
  const { depth, onValue, offValue, dtype } = options;
  const numbers = Array.from({ length: depth }, (_, i) => i);
  const classes = constantOf(build, numbers, { shape: [depth], dtype: 'int32' });
  const hit = plain(build, 'equal', reshaped(build, indices, [...indices.shape, 1]), classes);
  if (onValue === 1 && offValue === 0)
    return dtype === 'bool' ? hit : build.add('cast', [hit], { dtype });
  return plain(
    build,
    'select',
    hit,
    build.splat([], dtype, onValue),
    build.splat([], dtype, offValue),
  );
}

function range(build: GraphBuilder, values: readonly number[], dtype: DType): Value {
  return constantOf(build, values, { shape: [values.length], dtype });
}

export const layoutKernels: Readonly<Record<string, TraceKernel>> = {
  Reshape: kernel<'x', { shape: number[] }>((build, { x }, { shape }) =>
    reshaped(build, x, util.inferFromImplicitShape(shape, elementCount(x.shape))),
  ),
  ExpandDims: kernel<'input', { dim: number }>((build, { input }, { dim }) =>
    reshaped(
      build,
      input,
      insertAxis(input.shape, dim < 0 ? dim + input.shape.length + 1 : dim, 1),
    ),
  ),
  Transpose: kernel<'x', { perm: number[] }>((build, { x }, { perm }) =>
    build.add('transpose', [x], { perm }),
  ),
  BroadcastTo: kernel<'x', { shape: number[] }>((build, { x }, { shape }) =>
    build.add('broadcast', [x], { shape }),
  ),
  Tile: kernel<'x', { reps: number[] }>((build, { x }, { reps }) => tile(build, x, reps)),
  Slice: kernel<'x', { begin: number[]; size: number[] }>((build, { x }, attributes) => {
    const [begin, size] = slice_util.parseSliceParams(
      shapeOnly(x),
      attributes.begin,
      attributes.size,
    );
    return slice(build, x, begin!, size!);
  }),
  StridedSlice: kernel<'x', StridedSlice>((build, { x }, attributes) =>
    stridedSlice(build, x, attributes),
  ),
  Reverse: kernel<'x', { dims: number | number[] }>((build, { x }, { dims }) => {
    const axes = util.parseAxisParam(dims, [...x.shape]);
    const begin = x.shape.map((extent, axis) => (axes.includes(axis) ? extent - 1 : 0));
    const strides = x.shape.map((_, axis) => (axes.includes(axis) ? -1 : 1));
    return build.add('slice', [x], { begin, size: x.shape, strides });
  }),
  PadV2: kernel<'x', { paddings: [number, number][]; constantValue: number }>(
    (build, { x }, { paddings, constantValue: value }) =>
      build.add('pad', [x], { paddings, value }),
  ),
  Concat: (build, inputs, { axis }) => {
    const values = Object.values(inputs);
    return concat(build, values, oneAxis(axis as number, values[0]!.shape));
  },
  SplitV: kernel<'x', { numOrSizeSplits: number | number[]; axis: number }>(
    (build, { x }, attributes) => {
      const axis = oneAxis(attributes.axis, x.shape);
      return split(
        build,
        x,
        axis,
        backend_util.prepareSplitSize(shapeOnly(x), attributes.numOrSizeSplits, axis),
      );
    },
  ),
  Pack: (build, inputs, attributes) => {
    const values = Object.values(inputs);
    const given = attributes['axis'] as number;
    const axis = given < 0 ? given + values[0]!.shape.length + 1 : given;
    return concat(
      build,
      values.map((value) => reshaped(build, value, insertAxis(value.shape, axis, 1))),
      axis,
    );
  },
  Unpack: kernel<'value', { axis: number }>((build, { value }, attributes) => {
    const axis = oneAxis(attributes.axis, value.shape);
    const rest = value.shape.filter((_, i) => i !== axis);
    return split(build, value, axis, Array<number>(value.shape[axis]!).fill(1)).map((part) =>
      reshaped(build, part, rest),
    );
  }),
  GatherV2: kernel<'x' | 'indices', { axis: number; batchDims: number }>(
    (build, { x, indices }, attributes) => {
      if (attributes.batchDims !== 0) {
        throw new MicrotuneError(
          'usage',
          'tf.gather with batchDims is not supported in a trace; reshape to one batch',
        );
      }
      return build.add('gather', [x, indices], { axis: oneAxis(attributes.axis, x.shape) });
    },
  ),
  UnsortedSegmentSum: kernel<'x' | 'segmentIds', { numSegments: number }>(
    (build, { x, segmentIds }, { numSegments }) =>
      build.add('segmentSum', [x, segmentIds], { numSegments }),
  ),
  OneHot: kernel<'indices', { depth: number; onValue: number; offValue: number; dtype: DType }>(
    (build, { indices }, options) => oneHot(build, indices, options),
  ),
  Fill: kernel<never, { shape: number[]; value: number; dtype?: DType }>(
    (build, _, { shape, value, dtype }) => build.splat(shape, dtype ?? 'float32', value),
  ),
  ZerosLike: kernel<'x'>((build, { x }) => build.splat(x.shape, x.dtype, 0)),
  OnesLike: kernel<'x'>((build, { x }) => build.splat(x.shape, x.dtype, 1)),
  Range: kernel<never, { start: number; stop: number; step: number; dtype: DType }>(
    (build, _, { start, stop, step, dtype }) => {
      const length = Math.max(0, Math.ceil((stop - start) / step));
      return range(
        build,
        Array.from({ length }, (_unused, i) => start + i * step),
        dtype,
      );
    },
  ),
  LinSpace: kernel<never, { start: number; stop: number; num: number }>(
    (build, _, { start, stop, num }) =>
      range(
        build,
        Array.from({ length: num }, (_unused, i) => start + (i * (stop - start)) / (num - 1 || 1)),
        'float32',
      ),
  ),
};

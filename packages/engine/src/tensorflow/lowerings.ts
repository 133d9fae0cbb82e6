/** Graph -> TensorFlow nodes: one rule per op. */
import type { GraphNode } from '../graph/graph.js';
import type { BinaryOp, OpName, UnaryOp } from '../graph/ops.js';
import { elementCount } from '../graph/shape.js';
import { lowerDropout, lowerGelu, lowerGeluGrad, lowerLayerNorm } from './fused-lowerings.js';
import type { GraphDefWriter } from './graph-def-writer.js';
import { lowerMatMul } from './matmul-lowering.js';
import type { ProductPrecision } from './matmul-lowering.js';
import { lowerReduce } from './reduce-lowering.js';

/** Writes a node, reading `inputs` by name, and gives its outputs' names. */
export type Lowering<Op extends OpName> = (
  writer: GraphDefWriter,
  node: GraphNode<Op>,
  context: { readonly inputs: readonly string[]; readonly precision: ProductPrecision },
) => string | readonly string[];

/** Ops whose TensorFlow counterpart takes the same inputs and the element type of the first. */
const typed = (tensorflowOp: string): Lowering<OpName> => {
  return (writer, node, { inputs }) =>
    writer.node(tensorflowOp, inputs, { T: { type: node.inputs[0]!.dtype } });
};
/** Ops that know one element type only, and have no attribute for it. */
const untyped = (tensorflowOp: string): Lowering<OpName> => {
  return (writer, _, { inputs }) => writer.node(tensorflowOp, inputs);
};

const elementwise: { [Op in UnaryOp | BinaryOp]: Lowering<OpName> } = {
  exp: typed('Exp'), log: typed('Log'), sqrt: typed('Sqrt'), rsqrt: typed('Rsqrt'), reciprocal: typed('Reciprocal'),
  sin: typed('Sin'), cos: typed('Cos'), tan: typed('Tan'), asin: typed('Asin'), acos: typed('Acos'),
  atan: typed('Atan'), sinh: typed('Sinh'), cosh: typed('Cosh'), tanh: typed('Tanh'), asinh: typed('Asinh'),
  acosh: typed('Acosh'), atanh: typed('Atanh'), erf: typed('Erf'), sigmoid: typed('Sigmoid'),
  softplus: typed('Softplus'), floor: typed('Floor'), ceil: typed('Ceil'), round: typed('Rint'), neg: typed('Neg'),
  abs: typed('Abs'), sign: typed('Sign'), relu: typed('Relu'), isNaN: typed('IsNan'), isInf: typed('IsInf'),
  logicalNot: untyped('LogicalNot'), add: typed('AddV2'), sub: typed('Sub'), mul: typed('Mul'), div: typed('RealDiv'),
  pow: typed('Pow'), max: typed('Maximum'), min: typed('Minimum'), equal: typed('Equal'), less: typed('Less'),
  lessEqual: typed('LessEqual'), logicalAnd: untyped('LogicalAnd'), logicalOr: untyped('LogicalOr'),
}; // prettier-ignore

const argReduce = (tensorflowOp: string): Lowering<'argMax' | 'argMin'> => {
  return (writer, node, { inputs }) =>
    writer.node(tensorflowOp, [inputs[0]!, writer.scalar(node.attributes.axis, 'int32')], {
      T: { type: node.inputs[0]!.dtype },
      output_type: { type: 'int32' },
    });
};

/** An end below zero counts from the back in TensorFlow; the mask's bit means "to the very end". */
const slice: Lowering<'slice'> = (writer, node, { inputs }) => {
  const { begin, size, strides } = node.attributes;
  const T = { type: node.inputs[0]!.dtype };
  if (begin.length === 0) return writer.node('Identity', inputs, { T });
  if (elementCount(size) === 0 || strides.every((stride) => stride === 1)) {
    const from = begin.map((at, axis) => (size[axis] === 0 ? 0 : at));
    return writer.node('Slice', [inputs[0]!, writer.ints(from), writer.ints(size)], {
      T,
      Index: { type: 'int32' },
    });
  }
  const ends = begin.map((from, axis) => from + size[axis]! * strides[axis]!);
  const endMask = ends.reduce((mask, end, axis) => (end < 0 ? mask | (1 << axis) : mask), 0);
  const bounds = [begin, ends, strides].map((values) => writer.ints(values));
  return writer.node('StridedSlice', [inputs[0]!, ...bounds], {
    T,
    Index: { type: 'int32' },
    end_mask: { int: endMask },
  });
};

export const lowerings: { [Op in OpName]: Lowering<Op> } = {
  ...elementwise,
  reduceSum: lowerReduce('Sum'),
  reduceMean: lowerReduce('Mean'),
  reduceMax: lowerReduce('Max'),
  reduceMin: lowerReduce('Min'),
  reduceProd: lowerReduce('Prod'),
  argMax: argReduce('ArgMax'),
  argMin: argReduce('ArgMin'),

  constant: (writer, { attributes }) => writer.constant(attributes),
  splat: (writer, { attributes: { value, dtype, shape } }) => {
    const scalar = writer.scalar(value, dtype);
    if (shape.length === 0) return scalar;
    return writer.node('Fill', [writer.ints(shape), scalar], { T: { type: dtype } });
  },
  cast: (writer, node, { inputs }) =>
    writer.node('Cast', inputs, {
      SrcT: { type: node.inputs[0]!.dtype },
      DstT: { type: node.attributes.dtype },
    }),
  select: (writer, node, { inputs }) =>
    writer.node('SelectV2', inputs, { T: { type: node.outputs[0]!.dtype } }),
  reshape: (writer, node, { inputs }) =>
    writer.node('Reshape', [inputs[0]!, writer.ints(node.attributes.shape)], {
      T: { type: node.inputs[0]!.dtype },
    }),
  transpose: (writer, node, { inputs }) =>
    writer.node('Transpose', [inputs[0]!, writer.ints(node.attributes.perm)], {
      T: { type: node.inputs[0]!.dtype },
    }),
  broadcast: (writer, node, { inputs }) =>
    writer.node('BroadcastTo', [inputs[0]!, writer.ints(node.attributes.shape)], {
      T: { type: node.inputs[0]!.dtype },
    }),
  slice,
  pad: (writer, node, { inputs }) => {
    const { paddings, value } = node.attributes;
    const { dtype } = node.inputs[0]!;
    const amounts = writer.ints(paddings.flat(), [paddings.length, 2]);
    return writer.node('PadV2', [inputs[0]!, amounts, writer.scalar(value, dtype)], {
      T: { type: dtype },
    });
  },
  concat: (writer, node, { inputs }) => {
    const T = { type: node.inputs[0]!.dtype };
    if (inputs.length === 1) return writer.node('Identity', inputs, { T });
    const axis = writer.scalar(node.attributes.axis, 'int32');
    return writer.node('ConcatV2', [...inputs, axis], { T, N: { int: inputs.length } });
  },
  gather: (writer, node, { inputs }) =>
    writer.node('GatherV2', [...inputs, writer.scalar(node.attributes.axis, 'int32')], {
      Tparams: { type: node.inputs[0]!.dtype },
      Tindices: { type: 'int32' },
      Taxis: { type: 'int32' },
    }),
  segmentSum: (writer, node, { inputs }) => {
    const count = writer.scalar(node.attributes.numSegments, 'int32');
    return writer.node('UnsortedSegmentSum', [...inputs, count], {
      T: { type: node.inputs[0]!.dtype },
      Tindices: { type: 'int32' },
    });
  },
  cumsum: (writer, node, { inputs }) => {
    const { axis, exclusive, reverse } = node.attributes;
    return writer.node('Cumsum', [inputs[0]!, writer.scalar(axis, 'int32')], {
      T: { type: node.inputs[0]!.dtype },
      exclusive: { bool: exclusive },
      reverse: { bool: reverse },
    });
  },
  matMul: lowerMatMul,
  softmax: typed('Softmax'),
  logSoftmax: typed('LogSoftmax'),
  layerNorm: (writer, node, { inputs }) => lowerLayerNorm(writer, node, inputs),
  gelu: (writer, node, { inputs }) => lowerGelu(writer, node, inputs),
  geluGrad: (writer, node, { inputs }) => lowerGeluGrad(writer, node, inputs),
  dropout: (writer, node, { inputs }) => lowerDropout(writer, node, inputs),
};

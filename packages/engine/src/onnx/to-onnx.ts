/**
 * Graph -> ONNX bytes: one rule per op. Parameters are graph inputs, never constants, so no engine can fold them.
 * Nothing here may give other bits with more threads: ScatterND with reduction races in onnxruntime, so sums over
 * segments are a one-hot product (few segments) or ScatterElements, whose kernel is serial.
 */
import type { Graph, GraphNode, Value } from '../graph/graph.js';
import type { BinaryOp, OpName, ReduceOp, UnaryOp } from '../graph/ops.js';
import { elementCount } from '../graph/shape.js';
import type { Precision } from '../engine.js';
import type { DType } from '../graph-types.js';
import { defaultPasses, optimize } from '../optimize.js';
import type { Pass } from '../passes/pass.js';
import { lowerDropout, lowerGelu, lowerGeluGrad, lowerLayerNorm } from './fused-lowerings.js';
import { lowerMatMul } from './matmul-lowering.js';
import { OnnxWriter, onnxElementType } from './onnx-writer.js';
import type { OnnxDialect } from './onnx-writer.js';

/** Writes a node, reading `inputs` by name, and gives its outputs' names. */
export type Lowering<Op extends OpName> = (
  writer: OnnxWriter,
  node: GraphNode<Op>,
  inputs: readonly string[],
) => readonly string[];

/** ops whose ONNX counterpart differs in name alone. */
const sameOps: Partial<Record<UnaryOp | BinaryOp, string>> = {
  exp: 'Exp', log: 'Log', sqrt: 'Sqrt', reciprocal: 'Reciprocal', sin: 'Sin', cos: 'Cos', tan: 'Tan', asin: 'Asin',
  acos: 'Acos', atan: 'Atan', sinh: 'Sinh', cosh: 'Cosh', tanh: 'Tanh', asinh: 'Asinh', acosh: 'Acosh',
  atanh: 'Atanh', erf: 'Erf', sigmoid: 'Sigmoid', softplus: 'Softplus', floor: 'Floor', ceil: 'Ceil', round: 'Round',
  neg: 'Neg', abs: 'Abs', sign: 'Sign', isNaN: 'IsNaN', isInf: 'IsInf', logicalNot: 'Not',
}; // prettier-ignore

const one =
  (onnxOp: string) =>
  (writer: OnnxWriter, _: unknown, inputs: readonly string[]): readonly string[] => [
    writer.node(onnxOp, inputs),
  ];

function reduceByAttribute(onnxOp: string) {
  return (
    writer: OnnxWriter,
    node: GraphNode<ReduceOp>,
    inputs: readonly string[],
  ): readonly string[] => {
    const { axes, keepDims } = node.attributes;
    return [writer.node(onnxOp, inputs, { axes, keepdims: keepDims ? 1 : 0 })];
  };
}

function argReduce(onnxOp: string) {
  return (
    writer: OnnxWriter,
    node: GraphNode<'argMax' | 'argMin'>,
    inputs: readonly string[],
  ): readonly string[] => {
    const index = writer.node(onnxOp, inputs, { axis: node.attributes.axis, keepdims: 0 });
    return [cast(writer, index, 'int32')];
  };
}

function cast(writer: OnnxWriter, input: string, type: DType | 'int64'): string {
  return writer.node('Cast', [input], { to: onnxElementType(type) });
}

/** onnxruntime has no Where for bool. */
function selectBool(
  writer: OnnxWriter,
  [condition, whenTrue, whenFalse]: readonly string[],
): string {
  const chosen = writer.node('And', [condition!, whenTrue!]);
  return writer.node('Or', [
    chosen,
    writer.node('And', [writer.node('Not', [condition!]), whenFalse!]),
  ]);
}

/** Below so many segments a product with the one-hot matrix is cheaper than a serial scatter. */
const oneHotSegments = 64;

function lowerSegmentSum(
  writer: OnnxWriter,
  node: GraphNode<'segmentSum'>,
  inputs: readonly string[],
): string {
  const [x, ids] = [node.inputs[0]!, inputs[1]!];
  const [rows, ...rest] = x.shape;
  const width = elementCount(rest);
  const { numSegments } = node.attributes;
  const flat = writer.node('Reshape', [inputs[0]!, writer.int64([rows!, width])]);
  const shape = writer.int64([numSegments, ...rest]);
  if (numSegments <= oneHotSegments && x.dtype === 'float32') {
    const segments = writer.tensor(
      Int32Array.from({ length: numSegments }, (_, i) => i),
      'int32',
      [numSegments, 1],
    );
    const hits = cast(
      writer,
      writer.node('Equal', [segments, writer.node('Reshape', [ids, writer.int64([1, rows!])])]),
      'float32',
    );
    return writer.node('Reshape', [writer.node('MatMul', [hits, flat]), shape]);
  }
  const zeros = writer.node('Expand', [
    writer.scalar(0, x.dtype),
    writer.int64([numSegments, width]),
  ]);
  const column = writer.node('Reshape', [cast(writer, ids, 'int64'), writer.int64([rows!, 1])]);
  const places = writer.node('Expand', [column, writer.int64([rows!, width])]);
  const sums = writer.node('ScatterElements', [zeros, places, flat], { axis: 0, reduction: 'add' });
  return writer.node('Reshape', [sums, shape]);
}

/** ONNX allows out-of-range ends: the largest int64 that a double holds means "past the end". */
function lowerSlice(
  writer: OnnxWriter,
  node: GraphNode<'slice'>,
  inputs: readonly string[],
): string {
  const { begin, size, strides } = node.attributes;
  const axes = begin.map((_, axis) => axis);
  const x = node.inputs[0]!;
  const touched = axes.filter((axis) => size[axis] !== x.shape[axis] || strides[axis] !== 1);
  if (touched.length === 0) return writer.node('Identity', inputs);
  const ends = touched.map((axis) => {
    const end = begin[axis]! + size[axis]! * strides[axis]!;
    return end < 0 ? -(2 ** 31) : end;
  });
  const pick = (from: readonly number[]) => writer.int64(touched.map((axis) => from[axis]!));
  return writer.node('Slice', [
    inputs[0]!,
    pick(begin),
    writer.int64(ends),
    writer.int64(touched),
    pick(strides),
  ]);
}

const lowerings: { [Op in OpName]: Lowering<Op> } = {
  ...(Object.fromEntries(
    Object.entries(sameOps).map(([op, onnxOp]) => [op, one(onnxOp)]),
  ) as unknown as {
    [Op in UnaryOp]: Lowering<Op>;
  }),
  rsqrt: (writer, _, inputs) => [writer.node('Reciprocal', [writer.node('Sqrt', inputs)])],
  relu: (writer, node, inputs) =>
    node.inputs[0]!.dtype === 'float32'
      ? [writer.node('Relu', inputs)]
      : [writer.node('Max', [inputs[0]!, writer.scalar(0, 'int32')])],
  add: one('Add'),
  sub: one('Sub'),
  mul: one('Mul'),
  div: one('Div'),
  pow: one('Pow'),
  max: one('Max'),
  min: one('Min'),
  equal: one('Equal'),
  less: one('Less'),
  lessEqual: one('LessOrEqual'),
  logicalAnd: one('And'),
  logicalOr: one('Or'),
  reduceSum: (writer, node, inputs) => [
    writer.node('ReduceSum', [inputs[0]!, writer.int64(node.attributes.axes)], {
      keepdims: node.attributes.keepDims ? 1 : 0,
    }),
  ],
  reduceMean: reduceByAttribute('ReduceMean'),
  reduceMax: reduceByAttribute('ReduceMax'),
  reduceMin: reduceByAttribute('ReduceMin'),
  reduceProd: reduceByAttribute('ReduceProd'),
  argMax: argReduce('ArgMax'),
  argMin: argReduce('ArgMin'),

  constant: (writer, { attributes: { data, dtype, shape } }) => [writer.tensor(data, dtype, shape)],
  splat: (writer, { attributes: { value, dtype, shape } }) => {
    const scalar = writer.scalar(value, dtype);
    return [shape.length === 0 ? scalar : writer.node('Expand', [scalar, writer.int64(shape)])];
  },
  cast: (writer, node, inputs) => [cast(writer, inputs[0]!, node.attributes.dtype)],
  select: (writer, node, inputs) =>
    node.outputs[0]!.dtype === 'bool'
      ? [selectBool(writer, inputs)]
      : [writer.node('Where', inputs)],
  reshape: (writer, node, inputs) => [
    writer.node('Reshape', [inputs[0]!, writer.int64(node.attributes.shape)]),
  ],
  transpose: (writer, node, inputs) => [
    writer.node('Transpose', inputs, { perm: node.attributes.perm }),
  ],
  broadcast: (writer, node, inputs) => [
    writer.node('Expand', [inputs[0]!, writer.int64(node.attributes.shape)]),
  ],
  slice: (writer, node, inputs) => [lowerSlice(writer, node, inputs)],
  pad: (writer, node, inputs) => {
    const { paddings, value } = node.attributes;
    const amounts = writer.int64([
      ...paddings.map(([before]) => before),
      ...paddings.map(([, after]) => after),
    ]);
    return [writer.node('Pad', [inputs[0]!, amounts, writer.scalar(value, node.inputs[0]!.dtype)])];
  },
  concat: (writer, node, inputs) => [writer.node('Concat', inputs, { axis: node.attributes.axis })],
  gather: (writer, node, [table, ids]) => {
    const { axis } = node.attributes;
    // Rows of a table in bfloat16 are widened, not the table.
    const narrow = writer.bfloat16Of(table!);
    return narrow === undefined
      ? [writer.node('Gather', [table!, ids!], { axis })]
      : [cast(writer, writer.node('Gather', [narrow, ids!], { axis }), 'float32')];
  },
  segmentSum: (writer, node, inputs) => [lowerSegmentSum(writer, node, inputs)],
  cumsum: (writer, node, inputs) => {
    const { axis, exclusive, reverse } = node.attributes;
    const flags = { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 };
    return [writer.node('CumSum', [inputs[0]!, writer.scalar(axis, 'int32')], flags)];
  },
  matMul: (writer, node, inputs) => [lowerMatMul(writer, node, inputs)],
  softmax: (writer, _, inputs) => [writer.node('Softmax', inputs, { axis: -1 })],
  logSoftmax: (writer, _, inputs) => [writer.node('LogSoftmax', inputs, { axis: -1 })],
  layerNorm: lowerLayerNorm,
  gelu: (writer, node, inputs) => [lowerGelu(writer, node, inputs)],
  geluGrad: (writer, node, inputs) => [lowerGeluGrad(writer, node, inputs)],
  dropout: (writer, node, inputs) => [lowerDropout(writer, node, inputs)],
};

function lower<Op extends OpName>(
  writer: OnnxWriter,
  node: GraphNode<Op>,
  inputs: readonly string[],
) {
  const lowering: Lowering<Op> = lowerings[node.op as Op];
  return lowering(writer, node, inputs);
}

export interface ToOnnxOptions {
  readonly dialect?: OnnxDialect;
  /**
   * `bf16`: operands and results of matrix products are rounded to bfloat16, everything between stays float32
   * (what torch.autocast does). Default `f32`.
   */
  readonly precision?: Precision;
  /** Names of inputs that are declared bfloat16 and widened inside. Default none. */
  readonly bfloat16Inputs?: ReadonlySet<string>;
  readonly passes?: readonly Pass[];
}

/**
 * The graph as an ONNX model (opset 17). Graph inputs and outputs keep their names.
 * The dialect `onnxruntime`, the default, uses its com.microsoft ops; `openvino` only standard ones.
 * `passes` run first; [] writes the graph as it is.
 */
export function toOnnx(
  given: Graph,
  {
    dialect = 'onnxruntime',
    precision = 'f32',
    bfloat16Inputs = new Set(),
    passes = defaultPasses,
  }: ToOnnxOptions = {},
): Uint8Array {
  const graph = optimize(given, passes);
  const writer = new OnnxWriter(dialect, precision);
  const names = new Map<Value, string>(
    graph.inputs.map(({ name, value }) => [
      value,
      bfloat16Inputs.has(name) ? writer.widened(name) : name,
    ]),
  );
  for (const node of graph.nodes) {
    const outputs = lower(
      writer,
      node,
      node.inputs.map((input) => names.get(input)!),
    );
    node.outputs.forEach((value, i) => names.set(value, outputs[i]!));
  }
  for (const { name, value } of graph.outputs) writer.output(name, names.get(value)!);
  const inputs = graph.inputs.map((spec) =>
    bfloat16Inputs.has(spec.name) ? { ...spec, dtype: 'bfloat16' as const } : spec,
  );
  return writer.finish(inputs, graph.outputs);
}

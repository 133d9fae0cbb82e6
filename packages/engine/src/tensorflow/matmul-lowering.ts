/**
 * matMul in TensorFlow: MatMul for two axes, BatchMatMulV2 for more; a batch times one matrix is one large MatMul.
 * In bf16 both factors are rounded to bfloat16, products are summed in float32 inside the kernel, and its bfloat16
 * result is widened; alpha and bias are applied in float32. Without such kernels in hardware the rounded factors are
 * multiplied as float32: faster than TensorFlow's emulation, and that splits its sums by the number of threads.
 *
 * The bits of a product must not depend on the number of threads. TensorFlow splits the sums of a row times a matrix
 * among them, and of no other two-axis product (measured: docs/decisions/0006), so a lone row is doubled.
 */
import type { GraphNode, Value } from '../graph/graph.js';
import { elementCount } from '../graph/shape.js';
import type { Shape } from '../graph-types.js';
import type { Precision } from '../engine.js';
import type { GraphDefWriter, TensorflowType } from './graph-def-writer.js';

/**
 * `bf16 factors`: rounded to bfloat16 and multiplied in float32. `bf16 short sums`: so where a long sum gives few
 * results, which kernels with bfloat16 in hardware split among threads (docs/decisions/0013), else as `bf16`.
 */
export type ProductPrecision = Precision | 'bf16 factors' | 'bf16 short sums';

/** Where kernels have too few results to share out among their threads, and sums long enough to cut. */
const longSum = { terms: 1024, results: 65_536 } as const;

function formOf(
  { inputs, outputs, attributes }: GraphNode<'matMul'>,
  precision: ProductPrecision,
): Exclude<ProductPrecision, 'bf16 short sums'> {
  if (precision !== 'bf16 short sums') return precision;
  const terms = inputs[0]!.shape.at(attributes.transposeA ? -2 : -1)!;
  const isLong = terms >= longSum.terms && elementCount(outputs[0]!.shape) <= longSum.results;
  return isLong ? 'bf16 factors' : 'bf16';
}

const float32 = { T: { type: 'float32' } } as const;

function convert(
  writer: GraphDefWriter,
  value: string,
  [from, to]: readonly [TensorflowType, TensorflowType],
): string {
  return writer.node('Cast', [value], { SrcT: { type: from }, DstT: { type: to } });
}

export function lowerMatMul(
  writer: GraphDefWriter,
  node: GraphNode<'matMul'>,
  { inputs, precision: asked }: { inputs: readonly string[]; precision: ProductPrecision },
): string {
  const precision = formOf(node, asked);
  const factors = inputs.slice(0, 2).map((factor) => {
    if (precision === 'f32') return factor;
    const rounded = convert(writer, factor, ['float32', 'bfloat16']);
    return precision === 'bf16' ? rounded : convert(writer, rounded, ['bfloat16', 'float32']);
  });
  const product = writeProduct(writer, node, {
    factors,
    type: precision === 'bf16' ? 'bfloat16' : 'float32',
  });
  const wide = precision === 'bf16' ? convert(writer, product, ['bfloat16', 'float32']) : product;
  const { alpha } = node.attributes;
  const scaled =
    alpha === 1 ? wide : writer.node('Mul', [wide, writer.scalar(alpha, 'float32')], float32);
  const bias = inputs[2];
  return bias === undefined ? scaled : writer.node('AddV2', [scaled, bias], float32);
}

function writeProduct(
  writer: GraphDefWriter,
  node: GraphNode<'matMul'>,
  { factors, type }: { factors: readonly string[]; type: TensorflowType },
): string {
  const { transposeA, transposeB } = node.attributes;
  const [a, b] = [node.inputs[0]!, node.inputs[1]!];
  const flat = { transposeA, transposeB, type };
  if (a.shape.length === 2 && b.shape.length === 2) {
    return writeFlatProduct(writer, factors, { ...flat, shape: node.outputs[0]!.shape });
  }
  if (b.shape.length === 2 && !transposeA) {
    const rows = reshape(writer, factors[0]!, { shape: [rowsOf(a), a.shape.at(-1)!], type });
    const shape = [rowsOf(a), node.outputs[0]!.shape.at(-1)!];
    const product = writeFlatProduct(writer, [rows, factors[1]!], { ...flat, shape });
    return reshape(writer, product, { shape: node.outputs[0]!.shape, type });
  }
  return writer.node('BatchMatMulV2', factors, {
    T: { type },
    adj_x: { bool: transposeA },
    adj_y: { bool: transposeB },
  });
}

interface FlatProduct {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly type: TensorflowType;
  /** Of the result: [M, N]. */
  readonly shape: Shape;
}

function writeFlatProduct(
  writer: GraphDefWriter,
  [a, b]: readonly string[],
  { transposeA, transposeB, type, shape }: FlatProduct,
): string {
  const attributes = {
    T: { type },
    transpose_a: { bool: transposeA },
    transpose_b: { bool: transposeB },
  };
  if (shape[0] !== 1 || transposeB) return writer.node('MatMul', [a!, b!], attributes);
  const axis = writer.scalar(transposeA ? 1 : 0, 'int32');
  const twice = writer.node('ConcatV2', [a!, a!, axis], { T: { type }, N: { int: 2 } });
  const product = writer.node('MatMul', [twice, b!], attributes); // [2, N]
  const bounds = [writer.ints([0, 0]), writer.ints(shape)];
  return writer.node('Slice', [product, ...bounds], { T: { type }, Index: { type: 'int32' } });
}

function reshape(
  writer: GraphDefWriter,
  value: string,
  { shape, type }: { shape: Shape; type: TensorflowType },
): string {
  return writer.node('Reshape', [value, writer.ints(shape)], { T: { type } });
}

function rowsOf(value: Value): number {
  return value.shape.slice(0, -1).reduce((rows, extent) => rows * extent, 1);
}

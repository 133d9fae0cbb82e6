/**
 * matMul in ONNX. Two-dimensional products are Gemm (transposes, alpha and bias in one call); batched ones are
 * com.microsoft FusedMatMul in onnxruntime and Transpose + MatMul elsewhere (OpenVINO folds the transposes itself).
 */
import type { GraphNode, Value } from '../graph/graph.js';
import { onnxElementType, type OnnxWriter } from './onnx-writer.js';

function swapLastTwo(writer: OnnxWriter, name: string, value: Value): string {
  const perm = value.shape.map((_, axis) => axis);
  const last = perm.length - 1;
  [perm[last], perm[last - 1]] = [last - 1, last];
  return writer.node('Transpose', [name], { perm });
}

/** Casts around the product when it is to be done in bfloat16; alpha and bias stay in float32. */
export function lowerMatMul(
  writer: OnnxWriter,
  node: GraphNode<'matMul'>,
  inputs: readonly string[],
): string {
  if (writer.productPrecision === 'f32') return float32MatMul(writer, node, inputs);
  const [left, right, bias] = inputs;
  const product = plainMatMul(writer, node, [
    toBfloat16(writer, left!),
    toBfloat16(writer, right!),
  ]);
  const scaled = scale(writer, toFloat32(writer, product), node.attributes.alpha);
  return bias === undefined ? scaled : writer.node('Add', [scaled, bias]);
}

const toBfloat16 = (writer: OnnxWriter, name: string): string =>
  writer.bfloat16Of(name) ?? writer.node('Cast', [name], { to: onnxElementType('bfloat16') });
const toFloat32 = (writer: OnnxWriter, name: string): string =>
  writer.node('Cast', [name], { to: onnxElementType('float32') });

function float32MatMul(
  writer: OnnxWriter,
  node: GraphNode<'matMul'>,
  inputs: readonly string[],
): string {
  const { transposeA, transposeB, alpha } = node.attributes;
  const flags = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: alpha } };
  const [a, b] = [node.inputs[0]!, node.inputs[1]!];
  const [left, right, bias] = inputs;
  if (a.shape.length === 2 && b.shape.length === 2) {
    const narrow = writer.bfloat16Of(right!);
    if (narrow === undefined || transposeA || transposeB) return writer.node('Gemm', inputs, flags);
    // Turned while it is narrow: a product of two plain matrices is OpenVINO's slowest (docs/decisions/0030-frozen-weights.md).
    const turned = writer.node('Cast', [swapLastTwo(writer, narrow, b)], {
      to: onnxElementType('float32'),
    });
    const operands = bias === undefined ? [left!, turned] : [left!, turned, bias];
    return writer.node('Gemm', operands, { ...flags, transB: 1 });
  }
  const product =
    writer.dialect === 'onnxruntime'
      ? writer.nodes('FusedMatMul', [left!, right!], { attributes: flags, microsoft: true })[0]!
      : scale(writer, plainMatMul(writer, node, [left!, right!]), alpha);
  return bias === undefined ? product : writer.node('Add', [product, bias]);
}

function scale(writer: OnnxWriter, name: string, factor: number): string {
  return factor === 1 ? name : writer.node('Mul', [name, writer.scalar(factor, 'float32')]);
}

/** Without alpha and bias. */
function plainMatMul(
  writer: OnnxWriter,
  { inputs, attributes }: GraphNode<'matMul'>,
  [left, right]: readonly [string, string],
): string {
  return writer.node('MatMul', [
    attributes.transposeA ? swapLastTwo(writer, left, inputs[0]!) : left,
    attributes.transposeB ? swapLastTwo(writer, right, inputs[1]!) : right,
  ]);
}

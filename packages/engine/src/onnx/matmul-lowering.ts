/**
 * matMul in ONNX. Two-dimensional products are Gemm (transposes, alpha and bias in one call); batched ones are
 * com.microsoft FusedMatMul in onnxruntime and Transpose + MatMul elsewhere (OpenVINO folds the transposes itself).
 */
import type { GraphNode, Value } from '../graph/graph.js';
import type { OnnxWriter } from './onnx-writer.js';

function swapLastTwo(writer: OnnxWriter, name: string, value: Value): string {
  const perm = value.shape.map((_, axis) => axis);
  const last = perm.length - 1;
  [perm[last], perm[last - 1]] = [last - 1, last];
  return writer.node('Transpose', [name], { perm });
}

export function lowerMatMul(
  writer: OnnxWriter,
  node: GraphNode<'matMul'>,
  inputs: readonly string[],
): string {
  const { transposeA, transposeB, alpha } = node.attributes;
  const flags = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: alpha } };
  const [a, b] = [node.inputs[0]!, node.inputs[1]!];
  if (a.shape.length === 2 && b.shape.length === 2) return writer.node('Gemm', inputs, flags);
  const [left, right, bias] = inputs;
  const product =
    writer.dialect === 'onnxruntime'
      ? writer.nodes('FusedMatMul', [left!, right!], { attributes: flags, microsoft: true })[0]!
      : plainMatMul(writer, node, [left!, right!]);
  return bias === undefined ? product : writer.node('Add', [product, bias]);
}

function plainMatMul(
  writer: OnnxWriter,
  { inputs, attributes }: GraphNode<'matMul'>,
  [left, right]: readonly [string, string],
): string {
  const { transposeA, transposeB, alpha } = attributes;
  const product = writer.node('MatMul', [
    transposeA ? swapLastTwo(writer, left, inputs[0]!) : left,
    transposeB ? swapLastTwo(writer, right, inputs[1]!) : right,
  ]);
  return alpha === 1 ? product : writer.node('Mul', [product, writer.scalar(alpha, 'float32')]);
}

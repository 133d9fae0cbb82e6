/**
 * Lowerings of the fused ops. onnxruntime gets its fused kernels where it has one; OpenVINO compiles chains of
 * elementwise nodes into one loop by itself, so it gets the parts.
 */
import type { GraphNode } from '../graph/graph.js';
import type { OnnxWriter } from './onnx-writer.js';

const float = (writer: OnnxWriter, value: number) => writer.scalar(value, 'float32');
const sqrtHalf = Math.SQRT1_2;
/** The tanh approximation of Hendrycks and Gimpel 2016: 0.5 x (1 + tanh(k (x + c x^3))). */
const tanhScale = Math.sqrt(2 / Math.PI);
const tanhCubic = 0.044715;

export function lowerLayerNorm(
  writer: OnnxWriter,
  node: GraphNode<'layerNorm'>,
  inputs: readonly string[],
): readonly string[] {
  const { epsilon } = node.attributes;
  if (writer.dialect === 'onnxruntime') {
    return writer.nodes('LayerNormalization', inputs, {
      attributes: { axis: -1, epsilon: { float: epsilon } },
      outputs: 3,
    });
  }
  const [x, gamma, beta] = inputs;
  const overLast = { axes: [-1], keepdims: 1 };
  const mean = writer.node('ReduceMean', [x!], overLast);
  const centered = writer.node('Sub', [x!, mean]);
  const variance = writer.node('ReduceMean', [writer.node('Mul', [centered, centered])], overLast);
  const deviation = writer.node('Sqrt', [writer.node('Add', [variance, float(writer, epsilon)])]);
  const inverse = writer.node('Reciprocal', [deviation]);
  const normal = writer.node('Mul', [centered, inverse]);
  return [writer.node('Add', [writer.node('Mul', [normal, gamma!]), beta!]), mean, inverse];
}

export function lowerGelu(
  writer: OnnxWriter,
  node: GraphNode<'gelu'>,
  inputs: readonly string[],
): string {
  const tanh = node.attributes.approximate === 'tanh';
  if (writer.dialect === 'onnxruntime') {
    return writer.nodes(tanh ? 'FastGelu' : 'Gelu', inputs, { microsoft: true })[0]!;
  }
  const x = inputs[0]!;
  const gate = tanh
    ? writer.node('Tanh', [tanhArgument(writer, x)])
    : writer.node('Erf', [writer.node('Mul', [x, float(writer, sqrtHalf)])]);
  const half = writer.node('Mul', [x, float(writer, 0.5)]);
  return writer.node('Mul', [half, writer.node('Add', [gate, float(writer, 1)])]);
}

function tanhArgument(writer: OnnxWriter, x: string): string {
  const square = writer.node('Mul', [x, x]);
  const factor = writer.node('Add', [
    writer.node('Mul', [square, float(writer, tanhScale * tanhCubic)]),
    float(writer, tanhScale),
  ]);
  return writer.node('Mul', [x, factor]);
}

export function lowerGeluGrad(
  writer: OnnxWriter,
  node: GraphNode<'geluGrad'>,
  inputs: readonly string[],
): string {
  const [dy, x] = [inputs[0]!, inputs[1]!];
  const slope = node.attributes.approximate === 'tanh' ? tanhSlope(writer, x) : erfSlope(writer, x);
  return writer.node('Mul', [dy, slope]);
}

/** gelu'(x) = (1 + erf(u)) / 2 + u exp(-u^2) / sqrt(pi) with u = x / sqrt(2). */
function erfSlope(writer: OnnxWriter, x: string): string {
  const u = writer.node('Mul', [x, float(writer, sqrtHalf)]);
  const bell = writer.node('Exp', [writer.node('Neg', [writer.node('Mul', [u, u])])]);
  const tail = writer.node('Mul', [
    writer.node('Mul', [u, float(writer, 1 / Math.sqrt(Math.PI))]),
    bell,
  ]);
  // HardSigmoid is an affine map where its clipping to [0, 1] does nothing, as here: one pass instead of two.
  const map = { alpha: { float: 0.5 }, beta: { float: 0.5 } };
  const half = writer.node('HardSigmoid', [writer.node('Erf', [u])], map);
  return writer.node('Add', [half, tail]);
}

/** With t = tanh(k (x + c x^3)): (1 + t) / 2 + x (1 - t^2) k (1 + 3 c x^2) / 2. */
function tanhSlope(writer: OnnxWriter, x: string): string {
  const t = writer.node('Tanh', [tanhArgument(writer, x)]);
  const square = writer.node('Mul', [x, x]);
  const inner = writer.node('Add', [
    writer.node('Mul', [square, float(writer, 1.5 * tanhScale * tanhCubic)]),
    float(writer, 0.5 * tanhScale),
  ]);
  const sech = writer.node('Sub', [float(writer, 1), writer.node('Mul', [t, t])]);
  const tail = writer.node('Mul', [writer.node('Mul', [x, inner]), sech]);
  const half = writer.node('Add', [
    writer.node('Mul', [t, float(writer, 0.5)]),
    float(writer, 0.5),
  ]);
  return writer.node('Add', [half, tail]);
}

/** The scaled mask is the same node for forward and backward, so it is computed once. */
export function lowerDropout(
  writer: OnnxWriter,
  node: GraphNode<'dropout'>,
  inputs: readonly string[],
): string {
  const numbers = writer.node('Cast', [inputs[1]!], { to: 1 });
  const factors = writer.node('Mul', [numbers, float(writer, node.attributes.scale)]);
  return writer.node('Mul', [inputs[0]!, factors]);
}

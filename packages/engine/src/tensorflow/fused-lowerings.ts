/** Lowerings of the fused ops into TensorFlow's parts: it has no kernels for them that also serve training. */
import type { GraphNode } from '../graph/graph.js';
import type { GraphDefWriter } from './graph-def-writer.js';

const float32 = { T: { type: 'float32' } } as const;
const sqrtHalf = Math.SQRT1_2;
/** The tanh approximation of Hendrycks and Gimpel 2016: 0.5 x (1 + tanh(k (x + c x^3))). */
const tanhScale = Math.sqrt(2 / Math.PI);
const tanhCubic = 0.044715;

/** Arithmetic on float32 nodes, so that formulas read as such; numbers become scalars. */
class Formula {
  constructor(readonly writer: GraphDefWriter) {}

  unary = (op: string, x: string): string => this.writer.node(op, [x], float32);
  mul = (a: string, b: string | number): string => this.#binary('Mul', a, b);
  add = (a: string, b: string | number): string => this.#binary('AddV2', a, b);
  sub = (a: string | number, b: string): string => this.#binary('Sub', a, b);

  #binary(op: string, a: string | number, b: string | number): string {
    return this.writer.node(op, [this.#operand(a), this.#operand(b)], float32);
  }

  #operand(x: string | number): string {
    return typeof x === 'number' ? this.writer.scalar(x, 'float32') : x;
  }
}

export function lowerLayerNorm(
  writer: GraphDefWriter,
  node: GraphNode<'layerNorm'>,
  inputs: readonly string[],
): readonly string[] {
  const f = new Formula(writer);
  const [x, gamma, beta] = [inputs[0]!, inputs[1]!, inputs[2]!];
  const lastAxis = writer.ints([node.inputs[0]!.shape.length - 1]);
  const meanOf = (value: string) =>
    writer.node('Mean', [value, lastAxis], { ...float32, keep_dims: { bool: true } });
  const mean = meanOf(x);
  const centered = f.sub(x, mean);
  const variance = meanOf(f.unary('Square', centered));
  const inverse = f.unary('Rsqrt', f.add(variance, node.attributes.epsilon));
  return [f.add(f.mul(f.mul(centered, inverse), gamma), beta), mean, inverse];
}

export function lowerGelu(
  writer: GraphDefWriter,
  node: GraphNode<'gelu'>,
  inputs: readonly string[],
): string {
  const f = new Formula(writer);
  const x = inputs[0]!;
  const gate =
    node.attributes.approximate === 'tanh'
      ? f.unary('Tanh', tanhArgument(f, x))
      : f.unary('Erf', f.mul(x, sqrtHalf));
  return f.mul(f.mul(x, 0.5), f.add(gate, 1));
}

function tanhArgument(f: Formula, x: string): string {
  return f.mul(x, f.add(f.mul(f.unary('Square', x), tanhScale * tanhCubic), tanhScale));
}

export function lowerGeluGrad(
  writer: GraphDefWriter,
  node: GraphNode<'geluGrad'>,
  inputs: readonly string[],
): string {
  const f = new Formula(writer);
  const [dy, x] = [inputs[0]!, inputs[1]!];
  return f.mul(dy, node.attributes.approximate === 'tanh' ? tanhSlope(f, x) : erfSlope(f, x));
}

/** gelu'(x) = (1 + erf(u)) / 2 + u exp(-u^2) / sqrt(pi) with u = x / sqrt(2). */
function erfSlope(f: Formula, x: string): string {
  const u = f.mul(x, sqrtHalf);
  const bell = f.unary('Exp', f.unary('Neg', f.unary('Square', u)));
  const tail = f.mul(f.mul(u, 1 / Math.sqrt(Math.PI)), bell);
  return f.add(f.add(f.mul(f.unary('Erf', u), 0.5), 0.5), tail);
}

/** With t = tanh(k (x + c x^3)): (1 + t) / 2 + x (1 - t^2) k (1 + 3 c x^2) / 2. */
function tanhSlope(f: Formula, x: string): string {
  const t = f.unary('Tanh', tanhArgument(f, x));
  const inner = f.add(f.mul(f.unary('Square', x), 1.5 * tanhScale * tanhCubic), 0.5 * tanhScale);
  const tail = f.mul(f.mul(x, inner), f.sub(1, f.unary('Square', t)));
  return f.add(f.add(f.mul(t, 0.5), 0.5), tail);
}

/** The scaled mask is the same node for forward and backward, so it is computed once. */
export function lowerDropout(
  writer: GraphDefWriter,
  node: GraphNode<'dropout'>,
  inputs: readonly string[],
): string {
  const f = new Formula(writer);
  const numbers = writer.node('Cast', [inputs[1]!], {
    SrcT: { type: 'bool' },
    DstT: { type: 'float32' },
  });
  return f.mul(inputs[0]!, f.mul(numbers, node.attributes.scale));
}

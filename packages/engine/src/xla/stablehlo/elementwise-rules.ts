/** Lowerings of the elementwise ops. */
import type { GraphNode } from '../../graph/graph.js';
import type { BinaryOp, UnaryOp } from '../../graph/ops.js';
import { broadcastShapes } from '../../graph/shape.js';
import type { Shape } from '../../graph-types.js';
import { elementTypes } from './hlo-writer.js';
import type { HloValue, HloWriter } from './hlo-writer.js';

type Unary = (writer: HloWriter, x: HloValue) => HloValue;
type Binary = (writer: HloWriter, a: HloValue, b: HloValue) => HloValue;

const named =
  (operation: string): Unary =>
  (writer, x) =>
    writer.same(operation, x);

export const unaryRules: Readonly<Record<UnaryOp, Unary>> = {
  exp: named('stablehlo.exponential'),
  log: named('stablehlo.log'),
  sqrt: named('stablehlo.sqrt'),
  rsqrt: named('stablehlo.rsqrt'),
  reciprocal: (writer, x) => writer.same('stablehlo.divide', writer.filled(1, x), x),
  sin: named('stablehlo.sine'),
  cos: named('stablehlo.cosine'),
  tan: named('chlo.tan'),
  asin: named('chlo.asin'),
  acos: named('chlo.acos'),
  atan: named('chlo.atan'),
  sinh: named('chlo.sinh'),
  cosh: named('chlo.cosh'),
  tanh: named('stablehlo.tanh'),
  asinh: named('chlo.asinh'),
  acosh: named('chlo.acosh'),
  atanh: named('chlo.atanh'),
  erf: named('chlo.erf'),
  sigmoid: named('stablehlo.logistic'),
  softplus: lowerSoftplus,
  floor: named('stablehlo.floor'),
  ceil: named('stablehlo.ceil'),
  round: named('stablehlo.round_nearest_even'),
  neg: named('stablehlo.negate'),
  abs: named('stablehlo.abs'),
  sign: named('stablehlo.sign'),
  relu: (writer, x) => writer.same('stablehlo.maximum', x, writer.filled(0, x)),
  isNaN: (writer, x) => writer.compare('NE', x, x),
  isInf: (writer, x) =>
    writer.compare('EQ', writer.same('stablehlo.abs', x), writer.filled(Infinity, x)),
  logicalNot: named('stablehlo.not'),
};

/** log(1 + e^x) without overflow: max(x, 0) + log1p(e^-|x|). */
function lowerSoftplus(writer: HloWriter, x: HloValue): HloValue {
  const minusAbs = writer.same('stablehlo.negate', writer.same('stablehlo.abs', x));
  const tail = writer.same(
    'stablehlo.log_plus_one',
    writer.same('stablehlo.exponential', minusAbs),
  );
  return writer.same(
    'stablehlo.add',
    writer.same('stablehlo.maximum', x, writer.filled(0, x)),
    tail,
  );
}

const pair =
  (operation: string): Binary =>
  (writer, a, b) =>
    writer.same(operation, a, b);

export const binaryRules: Readonly<Record<BinaryOp, Binary>> = {
  add: pair('stablehlo.add'),
  sub: pair('stablehlo.subtract'),
  mul: pair('stablehlo.multiply'),
  div: pair('stablehlo.divide'),
  pow: pair('stablehlo.power'),
  max: pair('stablehlo.maximum'),
  min: pair('stablehlo.minimum'),
  equal: (writer, a, b) => writer.compare('EQ', a, b),
  less: (writer, a, b) => writer.compare('LT', a, b),
  lessEqual: (writer, a, b) => writer.compare('LE', a, b),
  logicalAnd: pair('stablehlo.and'),
  logicalOr: pair('stablehlo.or'),
};

/** Both operands at the shape that NumPy broadcasting gives. */
export function lowerBinary(
  rule: Binary,
  writer: HloWriter,
  [a, b]: readonly HloValue[],
): HloValue {
  const shape = broadcastShapes(a!.shape, b!.shape);
  return rule(writer, writer.spread(a!, shape), writer.spread(b!, shape));
}

/** Numbers become bool by being other than zero. */
export function lowerCast(writer: HloWriter, node: GraphNode<'cast'>, x: HloValue): HloValue {
  const type = elementTypes[node.attributes.dtype];
  return type === 'i1' && x.type !== 'i1'
    ? writer.compare('NE', x, writer.filled(0, x))
    : writer.convert(x, type);
}

export function lowerSelect(writer: HloWriter, inputs: readonly HloValue[]): HloValue {
  const shape = inputs.reduce<Shape>((sofar, input) => broadcastShapes(sofar, input.shape), []);
  const [condition, whenTrue, whenFalse] = inputs.map((input) => writer.spread(input, shape));
  return writer.select(condition!, whenTrue!, whenFalse!);
}

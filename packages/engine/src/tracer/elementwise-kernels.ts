/** tfjs's elementwise kernels. Those without an op of their own are composed. */
import { MicrotuneError } from '@microtune/shared';
import type { GraphBuilder } from '../graph/graph-builder.js';
import type { Value } from '../graph/graph.js';
import type { PlainOp } from '../graph/ops.js';
import type { DType } from '../graph-types.js';
import { kernel, plain, scalarLike, toFloat } from './trace-kernel.js';
import type { TraceKernel } from './trace-kernel.js';

const unary = (op: PlainOp) => kernel<'x'>((build, { x }) => plain(build, op, x));
const floatUnary = (op: PlainOp) =>
  kernel<'x'>((build, { x }) => plain(build, op, toFloat(build, x)));
/** Rounding does nothing to whole numbers. */
const rounding = (op: PlainOp) =>
  kernel<'x'>((build, { x }) => (x.dtype === 'int32' ? x : plain(build, op, x)));
const binary = (op: PlainOp) => kernel<'a' | 'b'>((build, { a, b }) => plain(build, op, a, b));
/** The op with its operands exchanged. */
const swapped = (op: PlainOp) => kernel<'a' | 'b'>((build, { a, b }) => plain(build, op, b, a));
const negated = (op: PlainOp) =>
  kernel<'a' | 'b'>((build, { a, b }) => plain(build, 'logicalNot', plain(build, op, a, b)));

function select(build: GraphBuilder, condition: Value, whenTrue: Value, whenFalse: Value): Value {
  return plain(build, 'select', condition, whenTrue, whenFalse);
}

function isNegative(build: GraphBuilder, x: Value): Value {
  return plain(build, 'less', x, scalarLike(build, x, 0));
}

/** exp(x) - 1 as tanh(x / 2) (exp(x) + 1), which keeps its digits near 0. */
function expm1(build: GraphBuilder, x: Value): Value {
  const half = plain(build, 'tanh', plain(build, 'mul', x, scalarLike(build, x, 0.5)));
  return plain(
    build,
    'mul',
    half,
    plain(build, 'add', plain(build, 'exp', x), scalarLike(build, x, 1)),
  );
}

/** log(1 + x); near 0 as 2 atanh(x / (2 + x)), which keeps its digits there. */
function log1p(build: GraphBuilder, x: Value): Value {
  const near = plain(build, 'less', plain(build, 'abs', x), scalarLike(build, x, 0.5));
  const ratio = plain(build, 'div', x, plain(build, 'add', x, scalarLike(build, x, 2)));
  const small = plain(build, 'mul', plain(build, 'atanh', ratio), scalarLike(build, x, 2));
  return select(
    build,
    near,
    small,
    plain(build, 'log', plain(build, 'add', x, scalarLike(build, x, 1))),
  );
}

function elu(build: GraphBuilder, x: Value): Value {
  return select(build, isNegative(build, x), expm1(build, x), x);
}

function clip(build: GraphBuilder, x: Value, from: number, to: number): Value {
  return plain(
    build,
    'min',
    plain(build, 'max', x, scalarLike(build, x, from)),
    scalarLike(build, x, to),
  );
}

/** floor(a / b). @throws MicrotuneError `usage` for int32, whose quotients float32 cannot all hold */
function floorQuotient(build: GraphBuilder, a: Value, b: Value): Value {
  if (a.dtype === 'int32') {
    throw new MicrotuneError(
      'usage',
      'integer division and modulo are not supported in a trace; cast to float32',
    );
  }
  return plain(build, 'floor', plain(build, 'div', a, b));
}

/** Klambauer et al. 2017, the constants tfjs uses. */
const seluScale = 1.0507009873554805;
const seluAlpha = 1.6732632423543772;

function selu(build: GraphBuilder, x: Value): Value {
  const below = plain(build, 'mul', expm1(build, x), scalarLike(build, x, seluScale * seluAlpha));
  return select(
    build,
    isNegative(build, x),
    below,
    plain(build, 'mul', x, scalarLike(build, x, seluScale)),
  );
}

function castTo(build: GraphBuilder, x: Value, dtype: DType): Value {
  return x.dtype === dtype ? x : build.add('cast', [x], { dtype });
}

/** The activations of tf.fused ops. */
export const activations: Readonly<Record<string, (build: GraphBuilder, x: Value) => Value>> = {
  linear: (_, x) => x,
  relu: (build, x) => plain(build, 'relu', x),
  relu6: (build, x) => clip(build, x, 0, 6),
  elu,
  sigmoid: (build, x) => plain(build, 'sigmoid', x),
};

export const elementwiseKernels: Readonly<Record<string, TraceKernel>> = {
  Identity: kernel<'x'>((_, { x }) => x),
  Cast: kernel<'x', { dtype: DType }>((build, { x }, { dtype }) => castTo(build, x, dtype)),

  Neg: unary('neg'),
  Abs: unary('abs'),
  Sign: unary('sign'),
  Relu: unary('relu'),
  Floor: rounding('floor'),
  Ceil: rounding('ceil'),
  Round: rounding('round'),
  Exp: floatUnary('exp'),
  Log: floatUnary('log'),
  Sqrt: floatUnary('sqrt'),
  Rsqrt: floatUnary('rsqrt'),
  Reciprocal: floatUnary('reciprocal'),
  Sin: floatUnary('sin'),
  Cos: floatUnary('cos'),
  Tan: floatUnary('tan'),
  Asin: floatUnary('asin'),
  Acos: floatUnary('acos'),
  Atan: floatUnary('atan'),
  Sinh: floatUnary('sinh'),
  Cosh: floatUnary('cosh'),
  Tanh: floatUnary('tanh'),
  Asinh: floatUnary('asinh'),
  Acosh: floatUnary('acosh'),
  Atanh: floatUnary('atanh'),
  Erf: floatUnary('erf'),
  Sigmoid: floatUnary('sigmoid'),
  Softplus: floatUnary('softplus'),
  Square: kernel<'x'>((build, { x }) => plain(build, 'mul', x, x)),
  Expm1: kernel<'x'>((build, { x }) => expm1(build, toFloat(build, x))),
  Log1p: kernel<'x'>((build, { x }) => log1p(build, toFloat(build, x))),
  Elu: kernel<'x'>((build, { x }) => elu(build, x)),
  EluGrad: kernel<'dy' | 'y'>((build, { dy, y }) => {
    const below = plain(build, 'mul', dy, plain(build, 'add', y, scalarLike(build, y, 1)));
    return select(build, isNegative(build, y), below, dy);
  }),
  Selu: kernel<'x'>((build, { x }) => selu(build, x)),
  Relu6: kernel<'x'>((build, { x }) => clip(build, x, 0, 6)),
  LeakyRelu: kernel<'x', { alpha: number }>((build, { x }, { alpha }) =>
    select(build, isNegative(build, x), plain(build, 'mul', x, scalarLike(build, x, alpha)), x),
  ),
  Prelu: kernel<'x' | 'alpha'>((build, { x, alpha }) =>
    select(build, isNegative(build, x), plain(build, 'mul', x, alpha), x),
  ),
  Step: kernel<'x', { alpha: number }>((build, { x }, { alpha }) => {
    const positive = plain(build, 'less', scalarLike(build, x, 0), x);
    return select(build, positive, scalarLike(build, x, 1), scalarLike(build, x, alpha));
  }),
  ClipByValue: kernel<'x', { clipValueMin: number; clipValueMax: number }>(
    (build, { x }, { clipValueMin, clipValueMax }) => clip(build, x, clipValueMin, clipValueMax),
  ),
  IsNan: unary('isNaN'),
  IsInf: unary('isInf'),
  IsFinite: kernel<'x'>((build, { x }) =>
    plain(
      build,
      'logicalNot',
      plain(build, 'logicalOr', plain(build, 'isNaN', x), plain(build, 'isInf', x)),
    ),
  ),
  LogicalNot: unary('logicalNot'),

  Add: binary('add'),
  Sub: binary('sub'),
  Multiply: binary('mul'),
  Maximum: binary('max'),
  Minimum: binary('min'),
  RealDiv: kernel<'a' | 'b'>((build, { a, b }) =>
    plain(build, 'div', toFloat(build, a), toFloat(build, b)),
  ),
  Pow: kernel<'a' | 'b'>((build, { a, b }) =>
    castTo(build, plain(build, 'pow', toFloat(build, a), toFloat(build, b)), a.dtype),
  ),
  FloorDiv: kernel<'a' | 'b'>((build, { a, b }) => floorQuotient(build, a, b)),
  Mod: kernel<'a' | 'b'>((build, { a, b }) =>
    plain(build, 'sub', a, plain(build, 'mul', floorQuotient(build, a, b), b)),
  ),
  SquaredDifference: kernel<'a' | 'b'>((build, { a, b }) => {
    const difference = plain(build, 'sub', a, b);
    return plain(build, 'mul', difference, difference);
  }),
  Equal: binary('equal'),
  NotEqual: negated('equal'),
  Less: binary('less'),
  LessEqual: binary('lessEqual'),
  Greater: swapped('less'),
  GreaterEqual: swapped('lessEqual'),
  LogicalAnd: binary('logicalAnd'),
  LogicalOr: binary('logicalOr'),
  LogicalXor: negated('equal'),
  Select: kernel<'condition' | 't' | 'e'>((build, { condition, t, e }) =>
    select(build, condition, t, e),
  ),
  AddN: (build, inputs) =>
    Object.values(inputs).reduce((sum, term) => plain(build, 'add', sum, term)),
};

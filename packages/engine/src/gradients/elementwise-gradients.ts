/** Gradients of tfjs's elementwise kernels. Conventions at kinks and ties are those of @tensorflow/tfjs. */
import {
  add, cast, cos, cosh, div, engine, exp, floor, greater, greaterEqual, less, lessEqual, log, logicalAnd, mul, neg,
  ones, pow, reciprocal, scalar, sigmoid, sign, sin, sinh, sqrt, square, step, sub, where, zeros, zerosLike,
} from '@tensorflow/tfjs-core'; // prettier-ignore
import type { Tensor } from '@tensorflow/tfjs-core';
import { rule, sumTo } from './gradient-rule.js';
import type { GradientRule } from './gradient-rule.js';

/** dx = dy * slope(x). */
const slopeOfInput = (slope: (x: Tensor) => Tensor) =>
  rule({ inputs: ['x'] }, (dy, [x]) => ({ x: () => mul(dy, slope(x!)) }));
/** dx = dy * slope(y). */
const slopeOfOutput = (slope: (y: Tensor) => Tensor) =>
  rule({ output: true }, (dy, [y]) => ({ x: () => mul(dy, slope(y!)) }));

/** Piecewise constant: the gradient is zero. */
const flat = rule({ inputs: ['x'] }, (_, [x]) => ({ x: () => zeros(x!.shape) }));
const flatBinary = rule({ inputs: ['a', 'b'] }, (_, [a, b]) => ({
  a: () => zeros(a!.shape),
  b: () => zeros(b!.shape),
}));

/** A binary kernel: the gradients of both operands before summing over broadcast axes. */
const binary = (
  slopes: (dy: Tensor, a: Tensor, b: Tensor) => { a: () => Tensor; b: () => Tensor },
) =>
  rule({ inputs: ['a', 'b'] }, (dy, [a, b]) => {
    const both = slopes(dy, a!, b!);
    return { a: () => sumTo(both.a(), a!.shape), b: () => sumTo(both.b(), b!.shape) };
  });

/** dy where the condition holds, else zero; products would make NaN of 0 times infinity. */
function gated(condition: Tensor, dy: Tensor): Tensor {
  return where(condition, dy, zerosLike(dy));
}

const one = () => scalar(1);
const oneMinusSquare = (x: Tensor) => sub(one(), square(x));
const seluScale = 1.0507009873554805;
const seluAlpha = 1.6732632423543772;

export const elementwiseGradients: Readonly<Record<string, GradientRule>> = {
  Identity: rule({}, (dy) => ({ x: () => cast(dy, 'float32') })),
  Cast: rule({}, (dy) => ({ x: () => cast(dy, 'float32') })),
  Neg: rule({}, (dy) => ({ x: () => neg(dy) })),
  Abs: slopeOfInput(sign),
  Sign: flat,
  Floor: flat,
  Ceil: flat,
  Round: flat,
  Step: flat,
  IsNan: flat,
  IsInf: flat,
  IsFinite: flat,
  LogicalNot: flat,
  Exp: slopeOfOutput((y) => y),
  Expm1: slopeOfOutput((y) => add(y, one())),
  Log: rule({ inputs: ['x'] }, (dy, [x]) => ({ x: () => div(dy, x!) })),
  Log1p: rule({ inputs: ['x'] }, (dy, [x]) => ({ x: () => div(dy, add(x!, one())) })),
  Sqrt: rule({ output: true }, (dy, [y]) => ({ x: () => div(dy, mul(y!, scalar(2))) })),
  Rsqrt: slopeOfOutput((y) => mul(scalar(-0.5), mul(y, square(y)))),
  Reciprocal: slopeOfOutput((y) => neg(square(y))),
  Square: slopeOfInput((x) => mul(x, scalar(2))),
  Sin: slopeOfInput(cos),
  Cos: slopeOfInput((x) => neg(sin(x))),
  Tan: slopeOfInput((x) => reciprocal(square(cos(x)))),
  Asin: slopeOfInput((x) => reciprocal(sqrt(oneMinusSquare(x)))),
  Acos: slopeOfInput((x) => neg(reciprocal(sqrt(oneMinusSquare(x))))),
  Atan: slopeOfInput((x) => reciprocal(add(one(), square(x)))),
  Sinh: slopeOfInput(cosh),
  Cosh: slopeOfInput(sinh),
  Tanh: slopeOfOutput(oneMinusSquare),
  Asinh: slopeOfInput((x) => reciprocal(sqrt(add(one(), square(x))))),
  Acosh: slopeOfInput((x) => reciprocal(sqrt(sub(square(x), one())))),
  Atanh: slopeOfInput((x) => reciprocal(oneMinusSquare(x))),
  Erf: slopeOfInput((x) => mul(scalar(2 / Math.sqrt(Math.PI)), exp(neg(square(x))))),
  Sigmoid: slopeOfOutput((y) => mul(y, sub(one(), y))),
  Softplus: slopeOfInput(sigmoid),
  Relu: slopeOfInput((x) => step(x)),
  Relu6: slopeOfInput((x) => mul(step(x), cast(lessEqual(x, scalar(6)), 'float32'))),
  Elu: rule({ output: true }, (dy, [y]) => ({
    x: () => engine().runKernel('EluGrad', { dy, y: y! }) as Tensor,
  })),
  Selu: slopeOfInput((x) =>
    where(
      greater(x, scalar(0)),
      mul(ones(x.shape), scalar(seluScale)),
      mul(exp(x), scalar(seluScale * seluAlpha)),
    ),
  ),
  LeakyRelu: rule<{ alpha: number }>({ inputs: ['x'] }, (dy, [x], { alpha }) => ({
    x: () => mul(dy, step(x!, alpha)),
  })),
  ClipByValue: rule<{ clipValueMin: number; clipValueMax: number }>(
    { inputs: ['x'] },
    (dy, [x], { clipValueMin, clipValueMax }) => ({
      x: () =>
        gated(
          logicalAnd(greaterEqual(x!, scalar(clipValueMin)), lessEqual(x!, scalar(clipValueMax))),
          dy,
        ),
    }),
  ),
  Prelu: rule({ inputs: ['x', 'alpha'] }, (dy, [x, alpha]) => ({
    x: () => where(greater(x!, scalar(0)), dy, mul(dy, alpha!)),
    alpha: () => sumTo(where(greater(x!, scalar(0)), zerosLike(dy), mul(dy, x!)), alpha!.shape),
  })),

  Add: binary((dy) => ({ a: () => dy, b: () => dy })),
  Sub: binary((dy) => ({ a: () => dy, b: () => neg(dy) })),
  Multiply: binary((dy, a, b) => ({
    a: () => mul(dy, cast(b, 'float32')),
    b: () => mul(dy, cast(a, 'float32')),
  })),
  RealDiv: binary((dy, a, b) => ({
    a: () => div(dy, cast(b, 'float32')),
    b: () => neg(div(mul(dy, cast(a, 'float32')), square(cast(b, 'float32')))),
  })),
  Maximum: binary((dy, a, b) => ({
    a: () => gated(greaterEqual(a, b), dy),
    b: () => gated(less(a, b), dy),
  })),
  Minimum: binary((dy, a, b) => ({
    a: () => gated(lessEqual(a, b), dy),
    b: () => gated(greater(a, b), dy),
  })),
  SquaredDifference: binary((dy, a, b) => ({
    a: () => mul(dy, mul(scalar(2), sub(a, b))),
    b: () => mul(dy, mul(scalar(2), sub(b, a))),
  })),
  Mod: binary((dy, a, b) => ({ a: () => dy, b: () => mul(dy, neg(floor(div(a, b)))) })),
  FloorDiv: flatBinary,
  Pow: rule({ inputs: ['a', 'b'], output: true }, (dy, [base, exponent, y]) => ({
    a: () => sumTo(mul(dy, mul(exponent!, pow(base!, sub(exponent!, one())))), base!.shape),
    b: () => {
      const positive = greater(base!, scalar(0));
      const logBase = where(positive, log(where(positive, base!, one())), scalar(0));
      return sumTo(mul(dy, mul(y!, logBase)), exponent!.shape);
    },
  })),
  Equal: flatBinary,
  NotEqual: flatBinary,
  Less: flatBinary,
  LessEqual: flatBinary,
  Greater: flatBinary,
  GreaterEqual: flatBinary,
  LogicalAnd: flatBinary,
  LogicalOr: flatBinary,
  Select: rule({ inputs: ['condition'] }, (dy, [condition]) => ({
    condition: () => zeros(condition!.shape),
    t: () => gated(condition!, dy),
    e: () => where(condition!, zerosLike(dy), dy),
  })),
  AddN: {
    saveAllInputs: true,
    gradFunc: (dy, saved) => Object.fromEntries(saved.map((_, i) => [i, () => dy as Tensor])),
  },
};

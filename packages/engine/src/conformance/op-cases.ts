/** Every op with inputs that show what it means. The table is exhaustive: a new op needs cases before it compiles. */
import type { OpAttributes, OpName } from '../graph/ops.js';
import type { DType, Shape } from '../graph-types.js';

export interface InputCase {
  readonly shape: Shape;
  readonly dtype: DType;
  /** Values lie in [from, to); default [-2, 2). */
  readonly from?: number;
  readonly to?: number;
  /** Values instead of random ones. */
  readonly values?: readonly number[];
}

export interface OpCase<Op extends OpName = OpName> {
  readonly inputs: readonly InputCase[];
  readonly attributes: OpAttributes[Op];
}

const f = (shape: Shape, from?: number, to?: number): InputCase => ({
  shape,
  dtype: 'float32',
  from,
  to,
});
const i = (shape: Shape, from?: number, to?: number): InputCase => ({
  shape,
  dtype: 'int32',
  from,
  to,
});
const b = (shape: Shape): InputCase => ({ shape, dtype: 'bool', from: 0, to: 2 });
const values = (...numbers: number[]): InputCase => ({
  shape: [numbers.length],
  dtype: 'float32',
  values: numbers,
});

const plain = (...cases: readonly (readonly InputCase[])[]) =>
  cases.map((inputs) => ({ inputs, attributes: {} }));
const floats = (from = -2, to = 2) => plain([f([3, 4], from, to)], [f([], from, to)]);
const numbers = plain([f([2, 3, 4])], [i([5], -4, 5)]);
const binaryFloats = (from = -2, to = 2) =>
  plain([f([2, 3], from, to), f([2, 3], from, to)], [f([2, 1, 4], from, to), f([3, 1], from, to)]);
const binaryNumbers = [...binaryFloats(), ...plain([i([3, 2], -5, 6), i([], -5, 6)])];
/** Few whole numbers, so that equal ones occur. */
const compared = plain(
  [i([4, 5], 0, 3), i([5], 0, 3)],
  [f([3, 3]), f([3, 3])],
  [values(1, 2, NaN), values(1, 3, NaN)],
);
const reduced = (inputs: readonly InputCase[]) =>
  inputs.flatMap((input) => [
    { inputs: [input], attributes: { axes: [1], keepDims: false } },
    { inputs: [input], attributes: { axes: [0, 2], keepDims: true } },
    { inputs: [input], attributes: { axes: [0, 1, 2], keepDims: false } },
  ]);
const anyNumbers = [f([3, 4, 5]), i([2, 3, 2], -5, 6)];
const product = (transposeA: boolean, transposeB: boolean, alpha = 1) => ({
  transposeA,
  transposeB,
  alpha,
});

export const opCases: { readonly [Op in OpName]: readonly OpCase<Op>[] } = {
  exp: floats(),
  log: floats(0.1, 5),
  sqrt: floats(0.1, 5),
  rsqrt: floats(0.1, 5),
  reciprocal: floats(0.2, 5),
  sin: floats(),
  cos: floats(),
  tan: floats(-1, 1),
  asin: floats(-0.9, 0.9),
  acos: floats(-0.9, 0.9),
  atan: floats(),
  sinh: floats(),
  cosh: floats(),
  tanh: floats(),
  asinh: floats(),
  acosh: floats(1.1, 4),
  atanh: floats(-0.9, 0.9),
  erf: floats(),
  sigmoid: floats(-6, 6),
  softplus: floats(-6, 6),
  floor: [...floats(), ...plain([values(-1.5, -0.5, 0.5, 2)])],
  ceil: [...floats(), ...plain([values(-1.5, -0.5, 0.5, 2)])],
  round: plain([values(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49, 7)], [f([4])]),
  neg: numbers,
  abs: numbers,
  sign: [...numbers, ...plain([values(-3, 0, 3)])],
  relu: numbers,
  isNaN: plain([values(1, NaN, Infinity)]),
  isInf: plain([values(1, NaN, Infinity, -Infinity)]),
  logicalNot: plain([b([7])]),
  add: binaryNumbers,
  sub: binaryNumbers,
  mul: binaryNumbers,
  div: binaryFloats(0.5, 3),
  pow: binaryFloats(0.5, 3),
  max: binaryNumbers,
  min: binaryNumbers,
  equal: [...compared, ...plain([b([6]), b([6])])],
  less: compared,
  lessEqual: compared,
  logicalAnd: plain([b([4, 3]), b([3])]),
  logicalOr: plain([b([4, 3]), b([3])]),
  reduceSum: reduced(anyNumbers),
  reduceMean: reduced([f([3, 4, 5])]),
  reduceMax: reduced(anyNumbers),
  reduceMin: reduced(anyNumbers),
  reduceProd: reduced([f([3, 4, 2], 0.5, 1.5), i([2, 3, 2], -3, 4)]),
  argMax: [
    { inputs: [f([3, 5])], attributes: { axis: 1 } },
    { inputs: [i([4, 3], 0, 2)], attributes: { axis: 0 } },
  ],
  argMin: [
    { inputs: [f([3, 5])], attributes: { axis: 1 } },
    { inputs: [i([4, 3], 0, 2)], attributes: { axis: 0 } },
  ],
  constant: [
    {
      inputs: [],
      attributes: { shape: [2, 2], dtype: 'float32', data: Float32Array.of(1, 2, 3, 4.5) },
    },
    {
      inputs: [],
      attributes: { shape: [3], dtype: 'int32', data: Int32Array.of(1, -2, 2 ** 30 + 1) },
    },
    { inputs: [], attributes: { shape: [3], dtype: 'bool', data: Uint8Array.of(1, 0, 1) } },
  ],
  splat: [
    { inputs: [], attributes: { shape: [2, 3], dtype: 'float32', value: 0.1 } },
    { inputs: [], attributes: { shape: [], dtype: 'int32', value: -7 } },
    { inputs: [], attributes: { shape: [4], dtype: 'bool', value: 1 } },
  ],
  cast: [
    { inputs: [f([6], -5, 5)], attributes: { dtype: 'int32' } },
    { inputs: [values(0, 1, -2, 0.5)], attributes: { dtype: 'bool' } },
    { inputs: [i([6], -5, 6)], attributes: { dtype: 'float32' } },
    { inputs: [i([6], 0, 3)], attributes: { dtype: 'bool' } },
    { inputs: [b([6])], attributes: { dtype: 'float32' } },
    { inputs: [b([6])], attributes: { dtype: 'int32' } },
  ],
  select: plain(
    [b([3, 4]), f([3, 4]), f([3, 4])],
    [b([3, 1]), f([4]), f([])],
    [b([5]), i([5], 0, 9), i([5], 0, 9)],
    [b([5]), b([5]), b([5])],
  ),
  reshape: [
    { inputs: [f([2, 6])], attributes: { shape: [3, 4] } },
    { inputs: [i([1], 0, 9)], attributes: { shape: [] } },
    { inputs: [b([4])], attributes: { shape: [2, 2] } },
  ],
  transpose: [
    { inputs: [f([2, 3, 4])], attributes: { perm: [2, 0, 1] } },
    { inputs: [f([2, 3, 4, 5])], attributes: { perm: [0, 2, 1, 3] } },
    { inputs: [i([2, 3], 0, 9)], attributes: { perm: [1, 0] } },
    { inputs: [b([2, 3])], attributes: { perm: [1, 0] } },
  ],
  broadcast: [
    { inputs: [f([3, 1])], attributes: { shape: [2, 3, 4] } },
    { inputs: [f([])], attributes: { shape: [5] } },
    { inputs: [i([4], 0, 9)], attributes: { shape: [2, 4] } },
    { inputs: [b([2, 1])], attributes: { shape: [2, 3] } },
  ],
  slice: [
    { inputs: [f([4, 5])], attributes: { begin: [1, 2], size: [2, 3], strides: [1, 1] } },
    { inputs: [f([7])], attributes: { begin: [6], size: [4], strides: [-2] } },
    { inputs: [f([5, 4])], attributes: { begin: [4, 0], size: [5, 2], strides: [-1, 2] } },
    { inputs: [i([3, 3], 0, 9)], attributes: { begin: [0, 1], size: [3, 1], strides: [1, 1] } },
    { inputs: [b([6])], attributes: { begin: [2], size: [3], strides: [1] } },
  ],
  pad: [
    {
      inputs: [f([2, 3])],
      attributes: {
        paddings: [
          [1, 0],
          [0, 2],
        ],
        value: 0,
      },
    },
    { inputs: [f([3])], attributes: { paddings: [[2, 1]], value: -1.5 } },
    { inputs: [i([3], 0, 9)], attributes: { paddings: [[1, 1]], value: 4 } },
  ],
  concat: [
    { inputs: [f([2, 3]), f([2, 1]), f([2, 4])], attributes: { axis: 1 } },
    { inputs: [i([2], 0, 9), i([3], 0, 9)], attributes: { axis: 0 } },
    { inputs: [b([2]), b([3])], attributes: { axis: 0 } },
  ],
  gather: [
    { inputs: [f([5, 3]), i([4], 0, 5)], attributes: { axis: 0 } },
    { inputs: [f([2, 5, 3]), i([2, 2], 0, 5)], attributes: { axis: 1 } },
    { inputs: [i([6], 0, 9), i([], 0, 6)], attributes: { axis: 0 } },
  ],
  segmentSum: [
    { inputs: [f([12, 3]), i([12], 0, 4)], attributes: { numSegments: 5 } },
    { inputs: [f([20, 2, 3]), i([20], 0, 80)], attributes: { numSegments: 80 } },
    { inputs: [f([6]), i([6], 0, 3)], attributes: { numSegments: 3 } },
  ],
  cumsum: [
    { inputs: [f([3, 4])], attributes: { axis: 1, exclusive: false, reverse: false } },
    { inputs: [f([3, 4])], attributes: { axis: 0, exclusive: true, reverse: true } },
  ],
  matMul: [
    { inputs: [f([3, 4]), f([4, 5])], attributes: product(false, false) },
    { inputs: [f([4, 3]), f([5, 4])], attributes: product(true, true, 0.5) },
    { inputs: [f([3, 4]), f([4, 5]), f([5])], attributes: product(false, false) },
    { inputs: [f([3, 4]), f([5, 4]), f([5])], attributes: product(false, true, 2) },
    { inputs: [f([2, 3, 4]), f([2, 4, 5])], attributes: product(false, false) },
    { inputs: [f([2, 2, 4, 3]), f([2, 2, 5, 4])], attributes: product(true, true, -1.5) },
    { inputs: [f([2, 3, 4]), f([4, 5])], attributes: product(false, false) },
    { inputs: [f([3, 4]), f([2, 5, 4])], attributes: product(false, true) },
    { inputs: [f([2, 1, 3, 4]), f([3, 4, 2])], attributes: product(false, false) },
    { inputs: [f([2, 3, 4]), f([4, 5]), f([5])], attributes: product(false, false) },
  ],
  softmax: plain([f([3, 5], -5, 5)], [f([2, 2, 3, 4])], [values(-1e9, 0, 1)]),
  logSoftmax: plain([f([3, 5], -5, 5)], [f([4])]),
  layerNorm: [
    { inputs: [f([4, 8]), f([8]), f([8])], attributes: { epsilon: 1e-5 } },
    { inputs: [f([2, 3, 6], 5, 9), f([6]), f([6])], attributes: { epsilon: 1e-12 } },
  ],
  gelu: [
    { inputs: [f([4, 5], -4, 4)], attributes: { approximate: 'none' } },
    { inputs: [f([4, 5], -4, 4)], attributes: { approximate: 'tanh' } },
  ],
  geluGrad: [
    { inputs: [f([4, 5]), f([4, 5], -4, 4)], attributes: { approximate: 'none' } },
    { inputs: [f([4, 5]), f([4, 5], -4, 4)], attributes: { approximate: 'tanh' } },
  ],
  dropout: [{ inputs: [f([4, 6]), b([4, 6])], attributes: { scale: 1.25 } }],
};

/**
 * The one list of op names, and what each carries. Every table over ops (shape rules, printing, reference kernels,
 * lowerings) is typed `{ [Op in OpName]: ... }`, so a new op does not compile until each table has it.
 * Ops are primitive and have one meaning, so that ONNX, TensorFlow and StableHLO can all say them. The fused ones
 * (softmax, layerNorm, gelu, geluGrad, dropout) are here because some engine has a better kernel than their parts.
 *
 * Words: elementwise ops broadcast as NumPy does; `axes` and `axis` count from 0 and are never negative.
 */
import type { DType, HostBuffer, Shape } from '../graph-types.js';

/** float32 -> float32. */
export const floatUnaryOps = [
  'exp', 'log', 'sqrt', 'rsqrt', 'reciprocal', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'sinh', 'cosh', 'tanh',
  'asinh', 'acosh', 'atanh', 'erf', 'sigmoid', 'softplus', 'floor', 'ceil', 'round',
] as const; // prettier-ignore
/** float32 or int32, same dtype out. */
export const numericUnaryOps = ['neg', 'abs', 'sign', 'relu'] as const;
/** To bool: isNaN and isInf from float32, logicalNot from bool. */
export const predicateUnaryOps = ['isNaN', 'isInf', 'logicalNot'] as const;
/** float32 or int32, both alike, same dtype out; div and pow are float32 only. */
export const numericBinaryOps = ['add', 'sub', 'mul', 'div', 'pow', 'max', 'min'] as const;
/** Two alike -> bool. */
export const comparisonOps = ['equal', 'less', 'lessEqual'] as const;
/** Two bools -> bool. */
export const logicalBinaryOps = ['logicalAnd', 'logicalOr'] as const;
/** Over `axes`; reduceMean is float32 only. */
export const reduceOps = [
  'reduceSum',
  'reduceMean',
  'reduceMax',
  'reduceMin',
  'reduceProd',
] as const;
/** x -> index of the extreme along `axis`, int32, first one wins; the axis goes away. */
export const argReduceOps = ['argMax', 'argMin'] as const;

export type UnaryOp =
  | (typeof floatUnaryOps)[number]
  | (typeof numericUnaryOps)[number]
  | (typeof predicateUnaryOps)[number];
export type BinaryOp =
  | (typeof numericBinaryOps)[number]
  | (typeof comparisonOps)[number]
  | (typeof logicalBinaryOps)[number];
export type ReduceOp = (typeof reduceOps)[number];
export type ArgReduceOp = (typeof argReduceOps)[number];

export type NoAttributes = Readonly<Record<string, never>>;
export interface ReduceAttributes {
  /** Sorted, unique, at least one. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

interface StructuredOps {
  /** Dense constant; at least two different values, else it is a splat. */
  constant: { readonly shape: Shape; readonly dtype: DType; readonly data: HostBuffer };
  /** One value at every place of a shape; never materialised. bool as 0 or 1. */
  splat: { readonly shape: Shape; readonly dtype: DType; readonly value: number };
  cast: { readonly dtype: DType };
  /** (condition bool, whenTrue, whenFalse), broadcasting. */
  select: NoAttributes;
  reshape: { readonly shape: Shape };
  transpose: { readonly perm: readonly number[] };
  /** NumPy broadcast to `shape`. */
  broadcast: { readonly shape: Shape };
  /** out[i] = x[begin + i * strides] for i < size, per axis; strides may be negative. */
  slice: {
    readonly begin: readonly number[];
    readonly size: Shape;
    readonly strides: readonly number[];
  };
  /** `value` around x; `paddings` are [before, after] per axis, never negative. */
  pad: { readonly paddings: readonly (readonly [number, number])[]; readonly value: number };
  concat: { readonly axis: number };
  /** (x, indices int32): indices replace the axis; each must lie within it. */
  gather: { readonly axis: number };
  /** (x [N, ...], ids int32 [N]) -> [numSegments, ...], sums of the rows with equal id. */
  segmentSum: { readonly numSegments: number };
  cumsum: { readonly axis: number; readonly exclusive: boolean; readonly reverse: boolean };
  /** alpha * op(a) op(b) (+ bias [N]); a [..., M, K], b [..., K, N] before transposition, batch axes broadcast. */
  matMul: { readonly transposeA: boolean; readonly transposeB: boolean; readonly alpha: number };
  /** Over the last axis. */
  softmax: NoAttributes;
  logSoftmax: NoAttributes;
  /** (x [..., H], gamma [H], beta [H]) -> y, mean [..., 1], 1 / sqrt(variance + epsilon) [..., 1]. */
  layerNorm: { readonly epsilon: number };
  gelu: { readonly approximate: GeluApproximation };
  /** (dy, x) -> dy * gelu'(x). */
  geluGrad: { readonly approximate: GeluApproximation };
  /** (x, mask bool of the same shape) -> mask ? x * scale : 0. */
  dropout: { readonly scale: number };
}

export type GeluApproximation = 'none' | 'tanh';

export type OpAttributes = { [Op in UnaryOp | BinaryOp]: NoAttributes } & {
  [Op in ReduceOp]: ReduceAttributes;
} & {
  [Op in ArgReduceOp]: { readonly axis: number };
} & StructuredOps;
export type OpName = keyof OpAttributes;
/** Ops without attributes. */
export type PlainOp = {
  [Op in OpName]: OpAttributes[Op] extends NoAttributes ? Op : never;
}[OpName];

const elementwise: ReadonlySet<string> = new Set([
  ...floatUnaryOps,
  ...numericUnaryOps,
  ...predicateUnaryOps,
  ...numericBinaryOps,
  ...comparisonOps,
  ...logicalBinaryOps,
  'select',
  'cast',
]);
/** Elementwise with NumPy broadcasting: the value at a place depends on the inputs' values at that place alone. */
export function isElementwise(op: OpName): boolean {
  return elementwise.has(op);
}

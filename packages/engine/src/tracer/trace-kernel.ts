/** What a kernel of the tracing backend is: it adds nodes for one tfjs kernel and gives the values of its outputs. */
import type { GraphBuilder } from '../graph/graph-builder.js';
import type { Value } from '../graph/graph.js';
import type { PlainOp } from '../graph/ops.js';
import type { Shape } from '../graph-types.js';

export type KernelInputs = Readonly<Record<string, Value>>;
export type TraceKernel = (
  build: GraphBuilder,
  inputs: KernelInputs,
  attributes: Readonly<Record<string, unknown>>,
) => Value | readonly Value[];

/**
 * Types a kernel's inputs and attributes. tfjs hands both as untyped maps whose keys and types are fixed per kernel
 * name (kernel_names.d.ts), so this is the one place that believes it.
 */
export function kernel<InputName extends string, Attributes = object>(
  run: (
    build: GraphBuilder,
    inputs: Readonly<Record<InputName, Value>>,
    attributes: Attributes,
  ) => Value | readonly Value[],
): TraceKernel {
  return run as unknown as TraceKernel;
}

/** Adds an op without attributes. */
export function plain(build: GraphBuilder, op: PlainOp, ...inputs: readonly Value[]): Value {
  return build.add(op, inputs, {});
}

/** A number of the dtype of `like`, of shape []. */
export function scalarLike(build: GraphBuilder, like: Value, value: number): Value {
  return build.splat([], like.dtype, value);
}

/** `x` with another shape; `x` itself when it has it. */
export function reshaped(build: GraphBuilder, x: Value, shape: Shape): Value {
  const same =
    x.shape.length === shape.length && x.shape.every((extent, axis) => extent === shape[axis]);
  return same ? x : build.add('reshape', [x], { shape: [...shape] });
}

export function toFloat(build: GraphBuilder, x: Value): Value {
  return x.dtype === 'float32' ? x : build.add('cast', [x], { dtype: 'float32' });
}

/**
 * Rewrites that change no number: what does nothing goes away, moves of moves become one move.
 * x * 0 stays (0 times infinity is not 0); x + 0 goes although it turns -0 into 0.
 */
import type { GraphBuilder } from '../graph/graph-builder.js';
import { producer } from '../graph/graph.js';
import type { GraphNode, Value } from '../graph/graph.js';
import type { OpName } from '../graph/ops.js';
import { elementCount, sameShape } from '../graph/shape.js';
import type { Shape } from '../graph-types.js';
import { rewriteNodes, splatNumber } from './pass.js';

type Simplify<Op extends OpName> = (
  build: GraphBuilder,
  node: GraphNode<Op>,
  inputs: readonly Value[],
) => Value | undefined;

/** `x` where the op leaves a value of the output's shape unchanged. */
function unchanged(x: Value, output: Value): Value | undefined {
  return sameShape(x.shape, output.shape) ? x : undefined;
}

function reshape(build: GraphBuilder, x: Value, shape: Shape): Value {
  const source = producer(x, 'reshape')?.inputs[0] ?? x;
  return sameShape(source.shape, shape) ? source : build.add('reshape', [source], { shape });
}

/** A factor on a factor is one factor. */
function mulByNumber(
  build: GraphBuilder,
  x: Value,
  factor: number,
  output: Value,
): Value | undefined {
  if (factor === 1) return unchanged(x, output);
  if (factor === -1 && sameShape(x.shape, output.shape)) return build.add('neg', [x], {});
  const inner = producer(x, 'mul');
  const innerFactor = splatNumber(inner?.inputs[1]);
  if (inner === undefined || innerFactor === undefined) return undefined;
  return build.add('mul', [inner.inputs[0]!, build.splat([], x.dtype, factor * innerFactor)], {});
}

function isZeroPad({ attributes }: GraphNode<'pad'>): boolean {
  return attributes.paddings.every(([before, after]) => before === 0 && after === 0);
}

/** Moves only axes of extent 1: the order of the values stays. */
function keepsOrder(x: Value, perm: readonly number[]): boolean {
  const long = perm.filter((axis) => x.shape[axis] !== 1);
  return long.every((axis, i) => i === 0 || axis > long[i - 1]!);
}

const rules: { readonly [Op in OpName]?: Simplify<Op> } = {
  add: (_, { outputs }, [a, b]) => (splatNumber(b) === 0 ? unchanged(a!, outputs[0]!) : undefined),
  sub: (_, { outputs }, [a, b]) => (splatNumber(b) === 0 ? unchanged(a!, outputs[0]!) : undefined),
  mul: (build, { outputs }, [a, b]) => {
    const factor = splatNumber(b);
    return factor === undefined ? undefined : mulByNumber(build, a!, factor, outputs[0]!);
  },
  div: (build, { outputs }, [a, b]) => {
    const divisor = splatNumber(b);
    if (divisor === undefined) return undefined;
    // A power of two has an exact reciprocal, and multiplying is faster.
    const exact = Number.isInteger(Math.log2(Math.abs(divisor)));
    const times = (factor: number) =>
      build.add('mul', [a!, build.splat([], 'float32', factor)], {});
    return divisor === 1 ? unchanged(a!, outputs[0]!) : exact ? times(1 / divisor) : undefined;
  },
  pow: (build, { outputs }, [a, b]) => {
    const exponent = splatNumber(b);
    if (exponent === 1) return unchanged(a!, outputs[0]!);
    return exponent === 2 && sameShape(a!.shape, outputs[0]!.shape)
      ? build.add('mul', [a!, a!], {})
      : undefined;
  },
  neg: (_, _node, [x]) => producer(x, 'neg')?.inputs[0],
  logicalNot: (_, _node, [x]) => producer(x, 'logicalNot')?.inputs[0],
  cast: (_, { attributes }, [x]) => (x!.dtype === attributes.dtype ? x : undefined),
  select: (_, { outputs }, [condition, whenTrue, whenFalse]) => {
    const known = splatNumber(condition);
    if (known !== undefined) return unchanged(known === 0 ? whenFalse! : whenTrue!, outputs[0]!);
    return whenTrue === whenFalse ? unchanged(whenTrue!, outputs[0]!) : undefined;
  },
  reshape: (build, { attributes }, [x]) => {
    const source = producer(x, 'reshape');
    const same = sameShape(x!.shape, attributes.shape);
    return source !== undefined || same ? reshape(build, x!, attributes.shape) : undefined;
  },
  transpose: (build, { attributes: { perm }, outputs }, [x]) => {
    if (keepsOrder(x!, perm)) return reshape(build, x!, outputs[0]!.shape);
    const inner = producer(x, 'transpose');
    if (inner === undefined) return undefined;
    const composed = perm.map((axis) => inner.attributes.perm[axis]!);
    const source = inner.inputs[0]!;
    return composed.every((axis, i) => axis === i)
      ? source
      : build.add('transpose', [source], { perm: composed });
  },
  broadcast: (build, { attributes: { shape } }, [x]) => {
    if (sameShape(x!.shape, shape)) return x;
    if (elementCount(x!.shape) === elementCount(shape)) return reshape(build, x!, shape);
    const inner = producer(x, 'broadcast')?.inputs[0];
    return inner === undefined ? undefined : build.add('broadcast', [inner], { shape });
  },
  slice: (_, { outputs, attributes }, [x]) =>
    attributes.strides.every((stride) => stride === 1) ? unchanged(x!, outputs[0]!) : undefined,
  pad: (_, node, [x]) => (isZeroPad(node) ? x : undefined),
  concat: (_, node, [x]) => (node.inputs.length === 1 ? x : undefined),
  reduceSum: (build, { outputs, attributes }, [x]) =>
    reduceOverOnes(build, x!, attributes.axes, outputs[0]!),
  reduceMean: (build, { outputs, attributes }, [x]) =>
    reduceOverOnes(build, x!, attributes.axes, outputs[0]!),
  reduceMax: (build, { outputs, attributes }, [x]) =>
    reduceOverOnes(build, x!, attributes.axes, outputs[0]!),
  reduceMin: (build, { outputs, attributes }, [x]) =>
    reduceOverOnes(build, x!, attributes.axes, outputs[0]!),
};

function reduceOverOnes(
  build: GraphBuilder,
  x: Value,
  axes: readonly number[],
  output: Value,
): Value | undefined {
  return axes.every((axis) => x.shape[axis] === 1) ? reshape(build, x, output.shape) : undefined;
}

const commutative: ReadonlySet<string> = new Set(['add', 'mul', 'max', 'min']);

/** Numbers go to the right, so that the rules need one form. */
function ordered(node: GraphNode, inputs: readonly Value[]): readonly Value[] {
  const swap =
    commutative.has(node.op) &&
    splatNumber(inputs[0]) !== undefined &&
    splatNumber(inputs[1]) === undefined;
  return swap ? [inputs[1]!, inputs[0]!] : inputs;
}

function simplified<Op extends OpName>(
  build: GraphBuilder,
  node: GraphNode<Op>,
  inputs: readonly Value[],
) {
  const simplify: Simplify<Op> | undefined = rules[node.op as Op];
  return simplify?.(build, node, inputs);
}

export const simplify = rewriteNodes('simplify', () => (build, node, given) => {
  const inputs = ordered(node, given);
  const result = simplified(build, node, inputs);
  return result ?? (inputs === given ? undefined : build.add(node.op, inputs, node.attributes));
});

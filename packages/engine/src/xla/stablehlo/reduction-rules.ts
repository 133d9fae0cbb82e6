/** Lowerings of reductions and running sums. */
import type { GraphNode } from '../../graph/graph.js';
import type { ArgReduceOp, ReduceOp } from '../../graph/ops.js';
import { reducedShape } from '../../graph/shape.js';
import { addRegion, list, tensorType } from './hlo-writer.js';
import type { Combiner, HloValue, HloWriter } from './hlo-writer.js';

const lowestInt32 = -(2 ** 31);
const highestInt32 = 2 ** 31 - 1;

interface Combination {
  readonly operation: Combiner;
  /** What changes nothing, in float32 and in int32. */
  readonly initial: { readonly float: number; readonly integer: number };
}

const sum: Combination = { operation: 'add', initial: { float: 0, integer: 0 } };
const combinations: Readonly<Record<ReduceOp, Combination>> = {
  reduceSum: sum,
  reduceMean: sum,
  reduceProd: { operation: 'multiply', initial: { float: 1, integer: 1 } },
  reduceMax: { operation: 'maximum', initial: { float: -Infinity, integer: lowestInt32 } },
  reduceMin: { operation: 'minimum', initial: { float: Infinity, integer: highestInt32 } },
};

function combine(writer: HloWriter, op: ReduceOp, x: HloValue, axes: readonly number[]): HloValue {
  const { operation, initial } = combinations[op];
  return writer.reduce(operation, x, {
    axes,
    initial: x.type === 'f32' ? initial.float : initial.integer,
  });
}

export function lowerReduce(writer: HloWriter, node: GraphNode<ReduceOp>, x: HloValue): HloValue {
  const { axes, keepDims } = node.attributes;
  const reduced = combine(writer, node.op, x, axes);
  const result = node.op === 'reduceMean' ? mean(writer, reduced, x, axes) : reduced;
  return writer.reshape(result, reducedShape(x.shape, axes, keepDims));
}

function mean(writer: HloWriter, total: HloValue, x: HloValue, axes: readonly number[]): HloValue {
  const count = axes.reduce((product, axis) => product * x.shape[axis]!, 1);
  return writer.same('stablehlo.divide', total, writer.filled(count, total));
}

/**
 * The lowest index that holds the extreme: two plain reductions, which have one answer in any order. Where the extreme
 * is NaN nothing equals it, and the answer is the last index.
 */
export function lowerArgReduce(
  writer: HloWriter,
  node: GraphNode<ArgReduceOp>,
  x: HloValue,
): HloValue {
  const { axis } = node.attributes;
  const best = combine(writer, node.op === 'argMax' ? 'reduceMax' : 'reduceMin', x, [axis]);
  const extreme = writer.restore(best, x.shape, [axis]);
  const indices = { shape: x.shape, type: 'i32' } as const;
  const places = writer.add(`stablehlo.iota dim = ${String(axis)}`, tensorType(indices), indices);
  const last = x.shape[axis]! - 1;
  const hits = writer.select(
    writer.compare('EQ', x, extreme),
    places,
    writer.filled(last, indices),
  );
  return writer.reduce('minimum', hits, { axes: [axis], initial: last });
}

/** A window that ends (reverse: begins) at each place; exclusive: over the values shifted by one. */
export function lowerCumsum(writer: HloWriter, node: GraphNode<'cumsum'>, x: HloValue): HloValue {
  const { axis, exclusive, reverse } = node.attributes;
  const zero = writer.scalar(0, x.type);
  const values = exclusive ? shifted(writer, x, axis, reverse) : x;
  const extent = x.shape[axis]!;
  const ones = `array<i64: ${x.shape.map(() => 1).join(', ')}>`;
  const window = `array<i64: ${x.shape.map((_, i) => (i === axis ? extent : 1)).join(', ')}>`;
  const reach = Math.max(0, extent - 1);
  const padding = x.shape.map((_, i) =>
    list(i !== axis ? [0, 0] : reverse ? [0, reach] : [reach, 0]),
  );
  const text =
    `"stablehlo.reduce_window"(${values.name}, ${zero.name}) <{window_dimensions = ${window}, ` +
    `window_strides = ${ones}, base_dilations = ${ones}, window_dilations = ${ones}, ` +
    `padding = dense<[${padding.join(', ')}]> : tensor<${String(x.shape.length)}x2xi64>}> ${addRegion(x.type)}`;
  return writer.typed(text, [values, zero], x);
}

function shifted(writer: HloWriter, x: HloValue, axis: number, reverse: boolean): HloValue {
  const zero = writer.scalar(0, x.type);
  const at = (before: number) => list(x.shape.map((_, i) => (i === axis ? before : 0)));
  const [low, high] = reverse ? [at(-1), at(1)] : [at(1), at(-1)];
  const interior = list(x.shape.map(() => 0));
  const text = `stablehlo.pad ${x.name}, ${zero.name}, low = ${low}, high = ${high}, interior = ${interior}`;
  return writer.typed(text, [x, zero], x);
}

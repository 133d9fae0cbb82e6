/** Lowerings of the ops that move values: slices, padding, joins, look-ups and their adjoint. */
import type { GraphNode } from '../../graph/graph.js';
import { addRegion, list, names, tensorType } from './hlo-writer.js';
import type { HloValue, HloWriter } from './hlo-writer.js';

export function lowerTranspose(
  writer: HloWriter,
  node: GraphNode<'transpose'>,
  x: HloValue,
): HloValue {
  const { perm } = node.attributes;
  const result = { shape: node.outputs[0]!.shape, type: x.type };
  return writer.typed(`stablehlo.transpose ${x.name}, dims = ${list(perm)}`, [x], result);
}

/** StableHLO strides are positive: the others are read forwards and turned round. */
export function lowerSlice(writer: HloWriter, node: GraphNode<'slice'>, x: HloValue): HloValue {
  const { begin, size, strides } = node.attributes;
  const ranges = begin.map((from, axis) => {
    const [count, stride] = [size[axis]!, strides[axis]!];
    const last = from + (count - 1) * stride;
    const start = count === 0 ? 0 : Math.min(from, last);
    const limit = count === 0 ? 0 : Math.max(from, last) + 1;
    return `${String(start)}:${String(limit)}:${String(Math.abs(stride))}`;
  });
  const part = { shape: size, type: x.type } as const;
  const forwards = writer.typed(`stablehlo.slice ${x.name} [${ranges.join(', ')}]`, [x], part);
  const turned = begin.map((_, axis) => axis).filter((axis) => strides[axis]! < 0);
  if (turned.length === 0) return forwards;
  return writer.add(
    `stablehlo.reverse ${forwards.name}, dims = ${list(turned)}`,
    tensorType(part),
    part,
  );
}

export function lowerPad(writer: HloWriter, node: GraphNode<'pad'>, x: HloValue): HloValue {
  const { paddings, value } = node.attributes;
  const filler = writer.scalar(value, x.type);
  const low = list(paddings.map(([before]) => before));
  const high = list(paddings.map(([, after]) => after));
  const interior = list(paddings.map(() => 0));
  const text = `stablehlo.pad ${x.name}, ${filler.name}, low = ${low}, high = ${high}, interior = ${interior}`;
  return writer.typed(text, [x, filler], { shape: node.outputs[0]!.shape, type: x.type });
}

export function lowerConcat(
  writer: HloWriter,
  node: GraphNode<'concat'>,
  inputs: readonly HloValue[],
): HloValue {
  const text = `stablehlo.concatenate ${names(inputs)}, dim = ${String(node.attributes.axis)}`;
  return writer.typed(text, inputs, { shape: node.outputs[0]!.shape, type: inputs[0]!.type });
}

export function lowerGather(
  writer: HloWriter,
  node: GraphNode<'gather'>,
  [x, indices]: readonly HloValue[],
): HloValue {
  const { axis } = node.attributes;
  const [from, at] = [x!, indices!];
  const offsets = from.shape.flatMap((_, i) =>
    i === axis ? [] : [i < axis ? i : i - 1 + at.shape.length],
  );
  const sizes = from.shape.map((extent, i) => (i === axis ? 1 : extent)).join(', ');
  const text =
    `"stablehlo.gather"(${names([from, at])}) <{dimension_numbers = #stablehlo.gather<offset_dims = ${list(offsets)}, ` +
    `collapsed_slice_dims = [${String(axis)}], start_index_map = [${String(axis)}], ` +
    `index_vector_dim = ${String(at.shape.length)}>, slice_sizes = array<i64: ${sizes}>, indices_are_sorted = false}>`;
  return writer.typed(text, [from, at], { shape: node.outputs[0]!.shape, type: from.type });
}

/**
 * Rows added at their ids. XLA's CPU adds in order; on a GPU the order is fixed by xla_gpu_deterministic_ops.
 * Ids outside the segments add nothing.
 */
export function lowerSegmentSum(
  writer: HloWriter,
  node: GraphNode<'segmentSum'>,
  [x, ids]: readonly HloValue[],
): HloValue {
  const [rows, at] = [x!, ids!];
  const result = { shape: node.outputs[0]!.shape, type: rows.type };
  const zeros = writer.filled(0, result);
  const window = list(rows.shape.slice(1).map((_, i) => i + 1));
  const text =
    `"stablehlo.scatter"(${names([zeros, at, rows])}) <{indices_are_sorted = false, ` +
    `scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = ${window}, inserted_window_dims = [0], ` +
    `scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = false}> ${addRegion(rows.type)}`;
  return writer.typed(text, [zeros, at, rows], result);
}

/**
 * The lowering of matMul. Transpositions are which axes are contracted, so nothing is moved; a second operand without
 * batch axes multiplies all rows of the first at once. In bf16 the operands are rounded and the sums kept in float32.
 */
import type { GraphNode } from '../../graph/graph.js';
import { broadcastShapes } from '../../graph/shape.js';
import { list, names } from './hlo-writer.js';
import type { HloValue, HloWriter } from './hlo-writer.js';

export function lowerMatMul(
  writer: HloWriter,
  node: GraphNode<'matMul'>,
  [a, b, bias]: readonly HloValue[],
): HloValue {
  const { alpha } = node.attributes;
  const product = multiply(writer, node, operands(writer, a!, b!));
  const scaled =
    alpha === 1
      ? product
      : writer.same('stablehlo.multiply', product, writer.filled(alpha, product));
  return bias === undefined
    ? scaled
    : writer.same('stablehlo.add', scaled, writer.spread(bias, scaled.shape));
}

/** Both with the same batch axes, or the second with none; in the type that is multiplied. */
function operands(writer: HloWriter, a: HloValue, b: HloValue): readonly [HloValue, HloValue] {
  const type = writer.options.precision === 'bf16' ? 'bf16' : 'f32';
  const [left, right] = [writer.convert(a, type), writer.convert(b, type)];
  if (right.shape.length === 2) return [left, right];
  const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
  return [
    writer.spread(left, [...batch, ...left.shape.slice(-2)]),
    writer.spread(right, [...batch, ...right.shape.slice(-2)]),
  ];
}

function multiply(
  writer: HloWriter,
  { attributes, outputs }: GraphNode<'matMul'>,
  [a, b]: readonly [HloValue, HloValue],
): HloValue {
  const batch = list(b.shape.slice(0, -2).map((_, axis) => axis));
  const inner = (x: HloValue, last: boolean) => `[${String(x.shape.length - (last ? 1 : 2))}]`;
  const contracting = `${inner(a, !attributes.transposeA)} x ${inner(b, attributes.transposeB)}`;
  const batching = b.shape.length > 2 ? `batching_dims = ${batch} x ${batch}, ` : '';
  const { precision, tf32 } = writer.options;
  const exact = precision === 'f32' && !tf32 ? ', precision = [HIGHEST, HIGHEST]' : '';
  const text = `stablehlo.dot_general ${names([a, b])}, ${batching}contracting_dims = ${contracting}${exact}`;
  return writer.typed(text, [a, b], { shape: outputs[0]!.shape, type: 'f32' });
}

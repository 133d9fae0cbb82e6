/**
 * Reductions. TensorFlow splits a reduction over everything among its threads, so that the bits would depend on their
 * number; one along rows it does not split (measured: docs/decisions/0006). So large float32 sums and products over
 * everything go row by row first.
 */
import type { GraphNode } from '../graph/graph.js';
import type { ReduceOp } from '../graph/ops.js';
import { elementCount } from '../graph/shape.js';
import type { GraphDefWriter } from './graph-def-writer.js';

const float32 = { T: { type: 'float32' } } as const;
/** Up to so many values TensorFlow uses one thread; it begins to split between 8192 and 10^6. */
const columns = 1024;
/** What a row is filled up with, per op that rounds. */
const neutral: Readonly<Partial<Record<string, number>>> = { Sum: 0, Mean: 0, Prod: 1 };

/** The lowering to a TensorFlow op of (x, axes). */
export function lowerReduce(tensorflowOp: 'Sum' | 'Mean' | 'Max' | 'Min' | 'Prod') {
  return (
    writer: GraphDefWriter,
    node: GraphNode<ReduceOp>,
    { inputs }: { readonly inputs: readonly string[] },
  ): string => {
    const x = node.inputs[0]!;
    const count = elementCount(x.shape);
    const fill = neutral[tensorflowOp];
    if (
      fill === undefined ||
      x.dtype !== 'float32' ||
      count <= columns ||
      elementCount(node.outputs[0]!.shape) > 1
    ) {
      return writer.node(tensorflowOp, [inputs[0]!, writer.ints(node.attributes.axes)], {
        T: { type: x.dtype },
        keep_dims: { bool: node.attributes.keepDims },
      });
    }
    const op = tensorflowOp === 'Mean' ? 'Sum' : tensorflowOp;
    const whole = reduceByRows(writer, inputs[0]!, { op, count, fill });
    const scaled =
      tensorflowOp === 'Mean'
        ? writer.node('RealDiv', [whole, writer.scalar(count, 'float32')], float32)
        : whole;
    return writer.node('Reshape', [scaled, writer.ints(node.outputs[0]!.shape)], float32);
  };
}

function reduceByRows(
  writer: GraphDefWriter,
  x: string,
  { op, count, fill }: { op: string; count: number; fill: number },
): string {
  const flat = writer.node('Reshape', [x, writer.ints([count])], float32);
  if (count <= columns) return writer.node(op, [flat, writer.ints([0])], float32);
  const rows = Math.ceil(count / columns);
  const missing = rows * columns - count;
  const padded =
    missing === 0
      ? flat
      : writer.node(
          'PadV2',
          [flat, writer.ints([0, missing], [1, 2]), writer.scalar(fill, 'float32')],
          float32,
        );
  const table = writer.node('Reshape', [padded, writer.ints([rows, columns])], float32);
  const perRow = writer.node(op, [table, writer.ints([1])], float32); // [rows]
  return reduceByRows(writer, perRow, { op, count: rows, fill });
}

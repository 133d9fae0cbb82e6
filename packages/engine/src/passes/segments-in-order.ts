/**
 * Sums of segments that are the same whichever order a device adds in. A GPU adds the rows of a segment atomically, as
 * they come, so a sum of three has other bits the next time. Here no two numbers other than zero meet at a place:
 *   1. Rows are sorted by their id, those of one id in the order they had. Where each goes is counted by comparisons;
 *      moving them there is a segmentSum that puts one row in each place.
 *   2. Each row adds the one 1, 2, 4, ... places before it, while their ids are equal: after the last round the last row
 *      of an id holds the sum of all of them (Hillis and Steele 1986, in segments).
 *   3. Those last rows alone go to their segments; the others go there as zeros.
 * For engines whose segmentSum is not deterministic: TensorFlow on a GPU.
 *
 * Letters: N rows, W their width, S segments, C rows of a block.
 */
import { MicrotuneError } from '@microtune/shared';
import { constantOf } from '../graph/constant-of.js';
import type { GraphBuilder } from '../graph/graph-builder.js';
import type { GraphNode, Value } from '../graph/graph.js';
import { elementCount } from '../graph/shape.js';
import type { Shape } from '../graph-types.js';
import { rewriteNodes } from './pass.js';

/** Rows compared with all at a time: [1024, 4096] comparisons are 4 MB. */
const blockRows = 1024;
/** float32 holds every whole number below: GPUs compare floats, while int32 is the host's in TensorFlow. */
const exactNumbers = 2 ** 24;

export const segmentsInOrder = rewriteNodes('segments-in-order', () => (build, node, inputs) => {
  if (node.op !== 'segmentSum') return undefined;
  const [rows] = node.inputs[0]!.shape as readonly [number];
  return rows > 1 && node.inputs[0]!.dtype === 'float32'
    ? summedInOrder(build, node, inputs)
    : undefined;
});

function summedInOrder(
  build: GraphBuilder,
  { attributes: { numSegments }, outputs }: GraphNode<'segmentSum'>,
  [x, ids]: readonly Value[],
): Value {
  const rows = x!.shape[0]!;
  if (Math.max(rows, numSegments) > exactNumbers) {
    throw new MicrotuneError(
      'usage',
      `sums in a fixed order go up to ${exactNumbers} rows and segments, got ${rows} and ${numSegments}`,
    );
  }
  const width = elementCount(x!.shape.slice(1));
  const numbers = build.add('cast', [ids!], { dtype: 'float32' }); // [N]
  const places = build.add('cast', [ranks(build, numbers)], { dtype: 'int32' }); // [N]
  const move = (value: Value) => build.add('segmentSum', [value, places], { numSegments: rows }); // [N, .]
  const sortedIds = move(reshape(build, numbers, [rows, 1]));
  const sums = runningSums(build, move(reshape(build, x!, [rows, width])), sortedIds);
  const isLast = build.add('logicalNot', [sameAs(build, sortedIds, -1)], {}); // [N, 1]
  const kept = build.add('select', [isLast, sums, build.splat([], 'float32', 0)], {});
  const segments = build.add('cast', [reshape(build, sortedIds, [rows])], { dtype: 'int32' });
  const summed = build.add('segmentSum', [kept, segments], { numSegments });
  return reshape(build, summed, outputs[0]!.shape);
}

/** The place of each row once sorted, as a whole number: how many ids are smaller, or equal and before it. [N] */
function ranks(build: GraphBuilder, ids: Value): Value {
  const rows = ids.shape[0]!;
  const order = constantOf(
    build,
    Array.from({ length: rows }, (_, i) => i),
    { shape: [rows], dtype: 'float32' },
  );
  const line = (value: Value) => reshape(build, value, [1, rows]);
  const blocks: Value[] = [];
  for (let from = 0; from < rows; from += blockRows) {
    const count = Math.min(blockRows, rows - from);
    const column = (value: Value) =>
      reshape(build, slice(build, value, [from], [count]), [count, 1]);
    const before = build.add('less', [line(order), column(order)], {}); // [C, N]
    const equal = build.add('equal', [line(ids), column(ids)], {});
    const smaller = build.add('less', [line(ids), column(ids)], {});
    const tie = build.add('logicalAnd', [equal, before], {});
    const goesBefore = build.add('logicalOr', [smaller, tie], {});
    const counts = build.add('cast', [goesBefore], { dtype: 'float32' });
    blocks.push(build.add('reduceSum', [counts], { axes: [1], keepDims: false }));
  }
  return blocks.length === 1 ? blocks[0]! : build.add('concat', blocks, { axis: 0 });
}

/** Of each row the sum of those of its id up to it. @param x [N, W] @param ids sorted, [N, 1] */
function runningSums(build: GraphBuilder, x: Value, ids: Value): Value {
  const [rows, width] = x.shape as readonly [number, number];
  let sums = x;
  for (let distance = 1; distance < rows; distance *= 2) {
    const earlier = slice(build, sums, [0, 0], [rows - distance, width]);
    const moved = build.add('pad', [earlier], {
      paddings: [
        [distance, 0],
        [0, 0],
      ],
      value: 0,
    });
    const zero = build.splat([], 'float32', 0);
    const added = build.add('select', [sameAs(build, ids, distance), moved, zero], {});
    sums = build.add('add', [sums, added], {});
  }
  return sums;
}

/** Whether the row `distance` places before (after, where negative) has the same id: bool [N, 1]. */
function sameAs(build: GraphBuilder, ids: Value, distance: number): Value {
  const rows = ids.shape[0]!;
  const [before, after] = [Math.max(0, distance), Math.max(0, -distance)];
  const others = slice(build, ids, [after, 0], [rows - before - after, 1]);
  const padded = build.add('pad', [others], {
    paddings: [
      [before, after],
      [0, 0],
    ],
    value: -1, // no id
  });
  return build.add('equal', [ids, padded], {});
}

function slice(build: GraphBuilder, x: Value, begin: readonly number[], size: Shape): Value {
  return build.add('slice', [x], { begin, size, strides: begin.map(() => 1) });
}

function reshape(build: GraphBuilder, x: Value, shape: Shape): Value {
  return build.add('reshape', [x], { shape });
}

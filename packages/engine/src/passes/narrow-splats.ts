/**
 * Splats and broadcasts travel downward: moving a splat about gives a splat, elementwise ops read splats as one number
 * and broadcasts as what they repeat, and an op on repeated operands alone works on the small ones and is repeated
 * after. tfjs's gradients are full of such; as dense constants they made a BERT graph 400 times larger.
 */
import type { GraphBuilder } from '../graph/graph-builder.js';
import { producer } from '../graph/graph.js';
import type { GraphNode, Value } from '../graph/graph.js';
import { isElementwise } from '../graph/ops.js';
import { broadcastShapes, sameShape } from '../graph/shape.js';
import type { Shape } from '../graph-types.js';
import { rewriteNodes, splatNumber } from './pass.js';

const movingOps: ReadonlySet<string> = new Set([
  'reshape',
  'transpose',
  'broadcast',
  'slice',
  'gather',
]);

/** The operand without repetition: a number for a splat, what a broadcast repeats. */
function narrowed(build: GraphBuilder, value: Value): Value {
  const splat = splatNumber(value);
  if (splat !== undefined)
    return value.shape.length === 0 ? value : build.splat([], value.dtype, splat);
  return producer(value, 'broadcast')?.inputs[0] ?? value;
}

function joined(values: readonly Value[]): Shape {
  return values.reduce<Shape>((shape, value) => broadcastShapes(shape, value.shape), []);
}

function narrowElementwise(
  build: GraphBuilder,
  node: GraphNode,
  inputs: readonly Value[],
): Value | undefined {
  const small = inputs.map((input) => narrowed(build, input));
  if (small.every((value, i) => value === inputs[i])) return undefined;
  const output = node.outputs[0]!;
  if (sameShape(joined(small), output.shape)) return build.add(node.op, small, node.attributes);
  return build.add('broadcast', [build.add(node.op, small, node.attributes)], {
    shape: output.shape,
  });
}

/** A sum over repeated values is a product; a mean or an extreme over them is the value. */
function reduceSplat(build: GraphBuilder, node: GraphNode, number: number): Value | undefined {
  const { shape, dtype } = node.outputs[0]!;
  if (node.op === 'reduceMean' || node.op === 'reduceMax' || node.op === 'reduceMin') {
    return build.splat(shape, dtype, number);
  }
  return node.op === 'reduceSum' && number === 0 ? build.splat(shape, dtype, 0) : undefined;
}

export const narrowSplats = rewriteNodes('narrow-splats', () => (build, node, inputs) => {
  const output = node.outputs[0]!;
  const number = splatNumber(inputs[0]);
  if (number !== undefined && movingOps.has(node.op))
    return build.splat(output.shape, output.dtype, number);
  if (number !== undefined && node.op === 'pad' && node.attributes.value === number) {
    return build.splat(output.shape, output.dtype, number);
  }
  if (number !== undefined) {
    const reduced = reduceSplat(build, node, number);
    if (reduced !== undefined) return reduced;
  }
  return isElementwise(node.op) ? narrowElementwise(build, node, inputs) : undefined;
});

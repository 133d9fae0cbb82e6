/**
 * A pass: many gradient outputs become one flat vector in the arena's layout. Gaps of the layout are zeros, which stay
 * zero in sums, moments and parameters alike.
 *
 * Such vectors are added on the device or on the host, and the bits must not tell where. Some devices flush subnormal
 * sums to zero and the host does not (docs/decisions/0013), so no sum may be subnormal: gradients below 2^-102 become
 * zero. What is left are multiples of 2^-125 (half a unit in the last place of 2^-101), so all sums are, and the
 * smallest but zero is a normal number.
 */
import { MicrotuneError } from '@microtune/shared';
import { GraphBuilder } from '../graph/graph-builder.js';
import type { Graph, Value } from '../graph/graph.js';
import { elementCount } from '../graph/shape.js';

/** 5e-31: with AdamW's usual epsilon of 1e-8 no parameter above 1e-20 moves by what is lost. */
export const smallestGradient = 2 ** -102;

export interface Place {
  /** Numbers from the start of the vector. */
  readonly start: number;
  readonly count: number;
}

export interface PackOptions {
  /** Output name -> its place; ascending and without overlap. */
  readonly places: ReadonlyMap<string, Place>;
  /** Numbers in the vector, gaps included. */
  readonly count: number;
  /** Name of the vector as an output. */
  readonly name: string;
}

/** @throws MicrotuneError `usage` for a place without an output, or of another size */
export function packGradient(graph: Graph, { places, count, name }: PackOptions): Graph {
  const build = new GraphBuilder();
  const copies = copyInto(build, graph);
  const outputs: Record<string, Value> = {};
  for (const output of graph.outputs) {
    if (!places.has(output.name)) outputs[output.name] = copies.get(output.value)!;
  }
  const pieces: Value[] = [];
  let end = 0;
  const gapTo = (start: number) => {
    if (start > end) pieces.push(build.splat([start - end], 'float32', 0));
  };
  for (const [outputName, place] of places) {
    const output = graph.outputs.find((candidate) => candidate.name === outputName);
    if (output === undefined || elementCount(output.shape) !== place.count || place.start < end) {
      const given = output === undefined ? 'no such output' : `shape [${output.shape.join(', ')}]`;
      throw new MicrotuneError(
        'usage',
        `cannot pack "${outputName}" into ${place.count} numbers at ${place.start}: ${given}`,
      );
    }
    gapTo(place.start);
    pieces.push(build.add('reshape', [copies.get(output.value)!], { shape: [place.count] }));
    end = place.start + place.count;
  }
  gapTo(count);
  outputs[name] = withoutTraces(build, build.add('concat', pieces, { axis: 0 }));
  return build.finish(outputs, graph.hostRows);
}

/** Zero for what is nearer to zero than `smallestGradient`; NaN stays. */
function withoutTraces(build: GraphBuilder, gradient: Value): Value {
  const scalar = (value: number) => build.splat([], 'float32', value);
  const magnitude = build.add('abs', [gradient], {});
  const isTrace = build.add('less', [magnitude, scalar(smallestGradient)], {});
  return build.add('select', [isTrace, scalar(0), gradient], {});
}

/** The graph's inputs and nodes again, in a builder; gives each value's copy. */
function copyInto(build: GraphBuilder, graph: Graph): ReadonlyMap<Value, Value> {
  const copies = new Map<Value, Value>();
  for (const { name, shape, dtype, value } of graph.inputs) {
    copies.set(value, build.input(name, shape, dtype));
  }
  for (const { op, inputs, attributes, outputs } of graph.nodes) {
    const made = build.addMany(
      op,
      inputs.map((input) => copies.get(input)!),
      attributes,
    );
    outputs.forEach((output, i) => copies.set(output, made[i]!));
  }
  return copies;
}

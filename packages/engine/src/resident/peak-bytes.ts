/**
 * An estimate of the memory a graph takes while it runs, for engines that report none: values in the order of the nodes,
 * each from where it is computed to where it is last read. Fusion needs less, workspaces of products need more.
 */
import { tensorBytes } from '../graph/shape.js';
import type { Graph, Value } from '../graph/graph.js';
import type { TensorSpec } from '../graph-types.js';

/** Ops whose result is their input seen otherwise. */
const views: ReadonlySet<string> = new Set(['reshape']);

/** @param isHeld inputs that are on the device before and after, and so not counted */
export function peakBytes(graph: Graph, isHeld: (input: TensorSpec) => boolean): number {
  const owner = new Map<Value, Value>();
  const ownerOf = (value: Value): Value => owner.get(value) ?? value;
  const lastRead = new Map<Value, number>();
  graph.nodes.forEach(({ op, inputs, outputs }, at) => {
    if (views.has(op)) owner.set(outputs[0]!, ownerOf(inputs[0]!));
    for (const input of inputs) lastRead.set(ownerOf(input), at);
  });
  for (const { value } of graph.outputs) lastRead.set(ownerOf(value), Infinity);

  let live = 0;
  for (const input of graph.inputs) if (!isHeld(input)) live += tensorBytes(input);
  let peak = live;
  const endsAt = new Map<number, number>();
  graph.nodes.forEach(({ op, outputs }, at) => {
    if (!views.has(op)) {
      for (const output of outputs) {
        const bytes = tensorBytes(output);
        const end = lastRead.get(output) ?? at;
        live += bytes;
        endsAt.set(end, (endsAt.get(end) ?? 0) + bytes);
      }
    }
    peak = Math.max(peak, live);
    live -= endsAt.get(at) ?? 0;
  });
  return peak;
}

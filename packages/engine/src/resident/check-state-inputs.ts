/** State that a graph reads must be what the graph takes it for. */
import { assert } from '@microtune/shared';
import type { Graph } from '../graph/graph.js';
import { sameShape } from '../graph/shape.js';
import type { TensorSpec } from '../graph-types.js';

/** @throws MicrotuneError `internal` naming the input whose shape or dtype is not that of the state tensor it is named for */
export function checkStateInputs(state: ReadonlyMap<string, TensorSpec>, graph: Graph): void {
  for (const input of graph.inputs) {
    const spec = state.get(input.name);
    const fits =
      spec === undefined || (spec.dtype === input.dtype && sameShape(spec.shape, input.shape));
    assert(fits, `graph input "${input.name}" and the state differ in shape or dtype`);
  }
}

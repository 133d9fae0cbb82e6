/** Runs one node over constants, for the pass fold-constants. */
import type { GraphNode, Value } from '../graph/graph.js';
import { onCpuBackend } from './on-cpu-backend.js';
import { runReferenceNode } from './reference-kernels.js';

/** The values of the outputs of `node`; every input must be a splat or a constant. */
export function evaluateConstants(
  node: GraphNode,
  inputs: readonly Value[],
): readonly ArrayLike<number>[] {
  let outputs: readonly ArrayLike<number>[] = [];
  onCpuBackend(() => {
    const tensors = inputs.map((input) => runReferenceNode(input.node!, [])[0]!);
    outputs = runReferenceNode(node, tensors).map((tensor) => tensor.dataSync<'float32'>().slice());
  });
  return outputs;
}

/**
 * Computes at compile time what does not depend on inputs, with the reference kernels. Large results stay nodes: they
 * would bloat the graph, and an engine makes them as fast.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../graph/graph-builder.js';
import type { GraphNode, Value } from '../graph/graph.js';
import { elementCount } from '../graph/shape.js';
import type { HostBuffer } from '../graph-types.js';
import { onCpuBackend } from '../reference/on-cpu-backend.js';
import { runReferenceNode } from '../reference/reference-kernels.js';
import { constantOf } from '../graph/constant-of.js';
import { rewriteNodes } from './pass.js';

const largestFolded = 4096;

function isConstant({ node }: Value): boolean {
  return node?.op === 'splat' || node?.op === 'constant';
}

function materialised({ node }: Value): Tensor {
  return runReferenceNode(node!, [])[0]!;
}

function fold(build: GraphBuilder, node: GraphNode, inputs: readonly Value[]): readonly Value[] {
  let folded: Value[] = [];
  onCpuBackend(() => {
    const tensors = runReferenceNode(node, inputs.map(materialised));
    folded = tensors.map((tensor) => constantOf(build, copied(tensor), tensor.shape));
  });
  return folded;
}

/** tfjs keeps its own hand on what dataSync gives. */
function copied(tensor: Tensor): HostBuffer {
  const data = (tensor as tf.Tensor).dataSync<'float32'>();
  return data.slice();
}

export const foldConstants = rewriteNodes('fold-constants', () => (build, node, inputs) => {
  if (inputs.length === 0 || !inputs.every(isConstant)) return undefined;
  const small = [...inputs, ...node.outputs].every(
    ({ shape }) => elementCount(shape) <= largestFolded,
  );
  return small ? fold(build, node, inputs) : undefined;
});

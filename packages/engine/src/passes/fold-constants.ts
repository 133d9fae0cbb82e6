/**
 * Computes at compile time what does not depend on inputs. Large results stay nodes: they would bloat the graph, and an
 * engine makes them as fast.
 */
import { constantOf } from '../graph/constant-of.js';
import type { GraphNode, Value } from '../graph/graph.js';
import { elementCount } from '../graph/shape.js';
import { rewriteNodes } from './pass.js';
import type { Pass } from './pass.js';

const largestFolded = 4096;

/** The values of a node's outputs; its inputs are splats and constants. */
export type ConstantEvaluator = (
  node: GraphNode,
  inputs: readonly Value[],
) => readonly ArrayLike<number>[];

function isConstant({ node }: Value): boolean {
  return node?.op === 'splat' || node?.op === 'constant';
}

/** The pass, computing with `evaluate`. */
export function foldConstants(evaluate: ConstantEvaluator): Pass {
  return rewriteNodes('fold-constants', () => (build, node, inputs) => {
    if (inputs.length === 0 || !inputs.every(isConstant)) return undefined;
    const small = [...inputs, ...node.outputs].every(
      ({ shape }) => elementCount(shape) <= largestFolded,
    );
    if (!small) return undefined;
    return evaluate(node, inputs).map((values, i) => constantOf(build, values, node.outputs[i]!));
  });
}

/** Runs passes in order. The list is data: what runs is what it says. */
import type { Graph } from './graph/graph.js';
import { commonSubexpressions } from './passes/common-subexpressions.js';
import { foldConstants } from './passes/fold-constants.js';
import { foldIntoMatMul } from './passes/fold-into-mat-mul.js';
import { narrowSplats } from './passes/narrow-splats.js';
import type { Pass } from './passes/pass.js';
import { segmentsInOrder } from './passes/segments-in-order.js';
import { evaluateConstants } from './reference/evaluate-constants.js';
import { simplify } from './passes/simplify.js';

const cleanUp: readonly Pass[] = [
  narrowSplats,
  simplify,
  foldConstants(evaluateConstants),
  commonSubexpressions,
];

/**
 * What engines run before they lower a graph. Each pass keeps every number but for rounding where a factor moves.
 * Products are folded twice: what becomes a plain matrix product the first time takes its bias the second.
 */
export const defaultPasses: readonly Pass[] = [
  ...cleanUp,
  ...cleanUp,
  foldIntoMatMul,
  ...cleanUp,
  foldIntoMatMul,
  ...cleanUp,
];

/** Of engines that add the rows of a segment in any order. */
export const orderedPasses: readonly Pass[] = [...defaultPasses, segmentsInOrder];

/** The graph after `passes`, in order; the one given is unchanged. */
export function optimize(graph: Graph, passes: readonly Pass[] = defaultPasses): Graph {
  return passes.reduce((current, pass) => pass.run(current), graph);
}

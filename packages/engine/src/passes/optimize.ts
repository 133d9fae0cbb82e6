/** Runs passes in order. The list is data: what runs is what it says. */
import type { Graph } from '../graph/graph.js';
import { commonSubexpressions } from './common-subexpressions.js';
import { foldConstants } from './fold-constants.js';
import { foldIntoMatMul } from './fold-into-mat-mul.js';
import { narrowSplats } from './narrow-splats.js';
import type { Pass } from './pass.js';
import { simplify } from './simplify.js';

const cleanUp: readonly Pass[] = [narrowSplats, simplify, foldConstants, commonSubexpressions];

/** What engines run before they lower a graph. Each pass is exact but for the order of a factor and a sum. */
export const defaultPasses: readonly Pass[] = [...cleanUp, ...cleanUp, foldIntoMatMul, ...cleanUp];

/** The graph after `passes`, in order; the one given is unchanged. */
export function optimize(graph: Graph, passes: readonly Pass[] = defaultPasses): Graph {
  return passes.reduce((current, pass) => pass.run(current), graph);
}

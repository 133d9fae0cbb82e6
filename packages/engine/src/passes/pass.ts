/** What a pass is, and the one way to write most of them: node by node into a new graph. */
import { GraphBuilder } from '../graph/graph-builder.js';
import type { Graph, GraphNode, Value } from '../graph/graph.js';

export interface Pass {
  readonly name: string;
  /** Gives a new graph computing the same outputs; never changes the one given. */
  readonly run: (graph: Graph) => Graph;
}

/**
 * The outputs that replace a node's, made with `build`; undefined keeps the node.
 * `inputs` are the node's inputs as they are in the new graph.
 */
export type NodeRewrite = (
  build: GraphBuilder,
  node: GraphNode,
  inputs: readonly Value[],
) => readonly Value[] | Value | undefined;

/** A pass that visits every node once, in order. Nodes that nobody reads afterwards are gone: dead code needs no pass. */
export function rewriteNodes(name: string, makeRewrite: (graph: Graph) => NodeRewrite): Pass {
  return { name, run: (graph) => rewrite(graph, makeRewrite(graph)) };
}

function rewrite(graph: Graph, rewriteNode: NodeRewrite): Graph {
  const build = new GraphBuilder();
  const replaced = new Map<Value, Value>();
  for (const { name, shape, dtype, value } of graph.inputs)
    replaced.set(value, build.input(name, shape, dtype));
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => replaced.get(input)!);
    const rewritten =
      rewriteNode(build, node, inputs) ?? build.addMany(node.op, inputs, node.attributes);
    const outputs = 'shape' in rewritten ? [rewritten] : rewritten;
    node.outputs.forEach((output, i) => replaced.set(output, outputs[i]!));
  }
  const outputs = graph.outputs.map(({ name, value }) => [name, replaced.get(value)!] as const);
  return build.finish(Object.fromEntries(outputs), graph.hostRows);
}

/** How often each value is read, graph outputs included. */
export function countReaders(graph: Graph): ReadonlyMap<Value, number> {
  const readers = new Map<Value, number>();
  const read = (value: Value) => readers.set(value, (readers.get(value) ?? 0) + 1);
  for (const node of graph.nodes) node.inputs.forEach(read);
  for (const { value } of graph.outputs) read(value);
  return readers;
}

/** The number a splat repeats, or undefined. */
export function splatNumber(value: Value | undefined): number | undefined {
  return value?.node?.op === 'splat' ? value.node.attributes.value : undefined;
}

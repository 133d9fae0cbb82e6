/** The structural hash: equal for graphs that compute the same thing the same way, whoever built them. */
import { createHash } from 'node:crypto';
import type { Graph, Value } from './graph.js';

function canonical(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return createHash('sha256').update(bytes).digest('hex');
  }
  // JSON has no -0, NaN or infinities, and graphs with them differ.
  if (typeof value === 'number')
    return Number.isFinite(value) && !Object.is(value, -0) ? value : `${1 / value}/${value}`;
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => [key, canonical(entry)]);
  }
  return value;
}

/** sha256 in hex over inputs, nodes in order with attributes and constants' bytes, outputs and host rows. */
export function hashGraph(graph: Graph): string {
  const numbers = new Map<Value, number>();
  const number = (value: Value) => numbers.get(value) ?? -1;
  const hash = createHash('sha256');
  const feed = (entry: unknown) => hash.update(JSON.stringify(entry)).update('\n');
  for (const { name, shape, dtype, value } of graph.inputs) {
    numbers.set(value, numbers.size);
    feed(['input', name, dtype, shape]);
  }
  for (const node of graph.nodes) {
    feed([node.op, node.inputs.map(number), canonical(node.attributes)]);
    for (const output of node.outputs) numbers.set(output, numbers.size);
  }
  for (const { name, value } of graph.outputs) feed(['output', name, number(value)]);
  feed(canonical(graph.hostRows));
  return hash.digest('hex');
}

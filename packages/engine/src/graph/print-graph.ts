/** A graph as text: one line per input, node and output; what tests compare and people read. */
import type { HostBuffer, Shape } from '../graph-types.js';
import type { Graph, GraphNode, Value } from './graph.js';

const spec = ({ dtype, shape }: { dtype: string; shape: Shape }) => `${dtype}[${shape.join(', ')}]`;

function printAttribute(value: unknown): string {
  if (ArrayBuffer.isView(value)) {
    const data = value as HostBuffer;
    const head = Array.from(data.subarray(0, 8)).join(', ');
    return data.length > 8 ? `<${head}, ... ${data.length} values>` : `<${head}>`;
  }
  if (Array.isArray(value)) return `[${value.map(printAttribute).join(', ')}]`;
  return String(value);
}

/** The attributes as `name=value`, in the order of their names. Shape and dtype show in the outputs. */
export function printAttributes(node: GraphNode): string {
  return Object.entries(node.attributes)
    .filter(([name]) => name !== 'shape' && name !== 'dtype')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ` ${name}=${printAttribute(value)}`)
    .join('');
}

/** Short names of all values: inputs `%name`, the rest `v0`, `v1`, ... in order. */
export function valueNames(graph: Graph): ReadonlyMap<Value, string> {
  const names = new Map<Value, string>(graph.inputs.map(({ name, value }) => [value, `%${name}`]));
  let count = 0;
  for (const node of graph.nodes)
    for (const output of node.outputs) names.set(output, `v${count++}`);
  return names;
}

/**
 * The graph as text.
 * @example
 * input %x: float32[2, 3]
 * v0: float32[2, 3] = exp(%x)
 * output y = v0
 */
export function printGraph(graph: Graph): string {
  const names = valueNames(graph);
  const name = (value: Value) => names.get(value) ?? '?';
  return [
    ...graph.inputs.map((input) => `input %${input.name}: ${spec(input)}`),
    ...graph.nodes.map((node) => {
      const outputs = node.outputs.map((output) => `${name(output)}: ${spec(output)}`).join(', ');
      return `${outputs} = ${node.op}(${node.inputs.map(name).join(', ')})${printAttributes(node)}`;
    }),
    ...graph.outputs.map((output) => `output ${output.name} = ${name(output.value)}`),
    ...graph.hostRows.map((rows) => `rows of ${rows.table} by ${rows.ids}: ${rows.rowsInput}`),
  ].join('\n');
}

/** How many nodes of each op, most frequent first. */
export function opHistogram(graph: Graph): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { op } of graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

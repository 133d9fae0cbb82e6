/**
 * Takes embedding tables out of the graph. A step reads a few hundred rows of a table with tens of thousands: the
 * caller gathers them, feeds them as an input, and gets their gradients as an output, one row per id, to add up on the
 * host in a fixed order. So no table, no gather and no scatter are left. What to feed is said in `graph.hostRows`.
 */
import { MicrotuneError } from '@microtune/shared';
import { GraphBuilder } from '../graph/graph-builder.js';
import { producer } from '../graph/graph.js';
import type { Graph, GraphNode, NamedValue, Value } from '../graph/graph.js';
import { elementCount } from '../graph/shape.js';
import type { HostRows } from '../graph-types.js';
import type { Pass } from './pass.js';

export interface RowsOnHostOptions {
  /** Names of graph inputs [V, H] that are read by embedding() alone. */
  readonly tables: readonly string[];
}

interface Table {
  readonly input: NamedValue;
  readonly gather: GraphNode<'gather'>;
  readonly ids: NamedValue;
  /** The dense gradient, when it is a graph output. */
  readonly gradient: { readonly output: string; readonly rows: Value } | undefined;
}

/**
 * The pass for the tables named. Input and output names: rows `rows/<table>`, gradient as the dense one was called.
 * @throws MicrotuneError `usage` (when run) for a table that is no input, or is read by more than one embedding()
 */
export function rowsOnHost({ tables }: RowsOnHostOptions): Pass {
  return {
    name: 'rows-on-host',
    run: (graph) =>
      takeOut(
        graph,
        tables.map((name) => findTable(graph, name)),
      ),
  };
}

function refuse(table: string, reason: string): never {
  throw new MicrotuneError('usage', `rowsOnHost cannot take out the table "${table}": ${reason}`);
}

function findTable(graph: Graph, name: string): Table {
  const input = graph.inputs.find((candidate) => candidate.name === name);
  if (input === undefined) return refuse(name, 'the graph has no such input');
  const readers = graph.nodes.filter(({ inputs }) => inputs.includes(input.value));
  const gather = readers[0];
  if (
    readers.length !== 1 ||
    gather?.op !== 'gather' ||
    gather.attributes.axis !== 0 ||
    input.shape.length !== 2
  ) {
    return refuse(name, 'it must be a matrix read by one embedding() and nothing else');
  }
  const ids = idsInput(graph, gather.inputs[1]!) ?? refuse(name, 'its ids must be a graph input');
  return {
    input,
    gather,
    ids,
    gradient: findGradient(graph, { name, ids, numRows: input.shape[0]! }),
  };
}

/** The input holding the ids in order, seen through reshapes. */
function idsInput(graph: Graph, value: Value): NamedValue | undefined {
  const reshaped = producer(value, 'reshape');
  if (reshaped !== undefined) return idsInput(graph, reshaped.inputs[0]!);
  return graph.inputs.find((input) => input.value === value);
}

function findGradient(
  graph: Graph,
  { name, ids, numRows }: { name: string; ids: NamedValue; numRows: number },
): Table['gradient'] {
  const sums = graph.nodes.filter(
    (node): node is GraphNode<'segmentSum'> =>
      node.op === 'segmentSum' &&
      node.attributes.numSegments === numRows &&
      idsInput(graph, node.inputs[1]!) === ids,
  );
  const found = graph.outputs.flatMap(({ name: output, value }) => {
    const sum = sums.find((node) => node.outputs[0] === throughReshapes(value));
    return sum === undefined ? [] : [{ output, rows: sum.inputs[0]! }];
  });
  if (found.length > 1)
    return refuse(
      name,
      `its gradient is more than one output: ${found.map((f) => f.output).join(', ')}`,
    );
  return found[0];
}

function throughReshapes(value: Value): Value {
  const reshaped = producer(value, 'reshape');
  return reshaped === undefined ? value : throughReshapes(reshaped.inputs[0]!);
}

function takeOut(graph: Graph, tables: readonly Table[]): Graph {
  const build = new GraphBuilder();
  const replaced = new Map<Value, Value>();
  const needed = inputsStillRead(graph, tables);
  for (const input of graph.inputs) {
    if (needed.has(input))
      replaced.set(input.value, build.input(input.name, input.shape, input.dtype));
  }
  for (const { input, gather, ids } of tables) {
    const rows = build.input(
      rowsName(input),
      [elementCount(ids.shape), input.shape[1]!],
      input.dtype,
    );
    const shaped = build.add('reshape', [rows], { shape: gather.outputs[0]!.shape });
    replaced.set(gather.outputs[0]!, shaped);
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => replaced.get(input));
    // The dense gradients themselves, and what only they read.
    if (replaced.has(node.outputs[0]!) || inputs.some((input) => input === undefined)) continue;
    const outputs = build.addMany(node.op, inputs as Value[], node.attributes);
    node.outputs.forEach((output, i) => replaced.set(output, outputs[i]!));
  }
  const outputs = graph.outputs.map(({ name, value }) => {
    const table = tables.find(({ gradient }) => gradient?.output === name);
    if (table === undefined) return [name, replaced.get(value)!] as const;
    const rows = replaced.get(table.gradient!.rows)!;
    return [
      name,
      build.add('reshape', [rows], { shape: [rows.shape[0]!, table.input.shape[1]!] }),
    ] as const;
  });
  return build.finish(Object.fromEntries(outputs), [...graph.hostRows, ...tables.map(describe)]);
}

function rowsName({ name }: NamedValue): string {
  return `rows/${name}`;
}

function describe({ input, ids, gradient }: Table): HostRows {
  return {
    table: input.name,
    tableShape: [input.shape[0]!, input.shape[1]!],
    ids: ids.name,
    rowsInput: rowsName(input),
    gradientOutput: gradient?.output,
  };
}

/** Without the tables, and without ids that only they and their gradients read. */
function inputsStillRead(graph: Graph, tables: readonly Table[]): ReadonlySet<NamedValue> {
  const roots = graph.outputs.map(
    ({ name, value }) =>
      tables.find(({ gradient }) => gradient?.output === name)?.gradient?.rows ?? value,
  );
  const reached = new Set<Value>();
  const cut = new Set(tables.map(({ gather }) => gather.outputs[0]!));
  const visit = (value: Value): void => {
    if (reached.has(value) || cut.has(value)) return;
    reached.add(value);
    value.node?.inputs.forEach(visit);
  };
  roots.forEach(visit);
  const gone = new Set<NamedValue>(tables.flatMap(({ input, ids }) => [input, ids]));
  return new Set(graph.inputs.filter((input) => reached.has(input.value) || !gone.has(input)));
}

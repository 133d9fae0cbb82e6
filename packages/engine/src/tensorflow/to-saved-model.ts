/**
 * Graph -> SavedModel. Inputs are Placeholders `in<i>`, outputs Identities `out<i>`: the names of the graph's border may
 * hold commas and colons, which the addon reads as syntax. Parameters are inputs, never Const nodes, which TensorFlow
 * holds four times while loading.
 */
import type { Graph, GraphNode, Value } from '../graph/graph.js';
import type { OpName } from '../graph/ops.js';
import type { TensorSpec } from '../graph-types.js';
import { GraphDefWriter } from './graph-def-writer.js';
import { lowerings } from './lowerings.js';
import type { Lowering } from './lowerings.js';
import type { ProductPrecision } from './matmul-lowering.js';

export interface ToSavedModelOptions {
  readonly precision: ProductPrecision;
  /**
   * Feed float32 inputs as the int32 of the same bits. On a GPU that is one copy to the device instead of three: the
   * addon uploads a float32 tensor when it is made, and a session takes it back to the host before it uploads it again.
   */
  readonly floatsAsInt32: boolean;
}

/** The bytes of `saved_model.pb`. */
export function toSavedModel(graph: Graph, options: ToSavedModelOptions): Uint8Array {
  const writer = new GraphDefWriter();
  writeGraph(writer, graph, options);
  return writer.finish();
}

function writeGraph(writer: GraphDefWriter, graph: Graph, options: ToSavedModelOptions): void {
  const fed = graph.inputs.map((input, index) => {
    const { floatsAsInt32 } = options;
    return [input.value, writePlaceholder(writer, inputName(index), { ...input, floatsAsInt32 })];
  }) as [Value, string][];
  const names = writeNodes(writer, graph, { inputs: new Map(fed), precision: options.precision });
  graph.outputs.forEach(({ value, dtype }, index) =>
    writer.named(outputName(index), 'Identity', {
      inputs: [names.get(value)!],
      attributes: { T: { type: dtype } },
    }),
  );
}

/** Writes the nodes of a graph whose inputs are there already, and gives the name of every value. */
export function writeNodes(
  writer: GraphDefWriter,
  graph: Graph,
  { inputs, precision }: { inputs: ReadonlyMap<Value, string>; precision: ProductPrecision },
): ReadonlyMap<Value, string> {
  const names = new Map(inputs);
  for (const node of graph.nodes) {
    const given = node.inputs.map((input) => names.get(input)!);
    const outputs = [lower(writer, node, { inputs: given, precision })].flat();
    node.outputs.forEach((value, i) => names.set(value, outputs[i]!));
  }
  return names;
}

/** Writes the node that a value of the host is fed to, and gives the name of the node that holds it. */
export function writePlaceholder(
  writer: GraphDefWriter,
  name: string,
  { shape, dtype, floatsAsInt32 }: Omit<TensorSpec, 'name'> & { floatsAsInt32: boolean },
): string {
  const asInt32 = floatsAsInt32 && dtype === 'float32';
  const attributes = { dtype: { type: asInt32 ? 'int32' : dtype }, shape: { shape } } as const;
  const fed = writer.named(name, 'Placeholder', { attributes });
  if (!asInt32) return fed;
  return writer.node('Bitcast', [fed], { T: { type: 'int32' }, type: { type: 'float32' } });
}

function lower<Op extends OpName>(
  writer: GraphDefWriter,
  node: GraphNode<Op>,
  context: { readonly inputs: readonly string[]; readonly precision: ProductPrecision },
): string | readonly string[] {
  const lowering: Lowering<Op> = lowerings[node.op as Op];
  return lowering(writer, node, context);
}

/** The node that feeds the graph input of an index. */
export function inputName(index: number): string {
  return `in${String(index)}`;
}

/** The node that holds the graph output of an index. */
export function outputName(index: number): string {
  return `out${String(index)}`;
}

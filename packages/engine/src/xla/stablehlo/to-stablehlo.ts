/**
 * Graph -> StableHLO text: one rule per op, and the border. The main function takes the graph's inputs in order and
 * gives its outputs in order. After the inputs may come one spare argument per output, of the output's type and never
 * read: donated, it is the memory that the output is written to.
 */
import type { Graph, GraphNode, Value } from '../../graph/graph.js';
import {
  argReduceOps, comparisonOps, floatUnaryOps, logicalBinaryOps, numericBinaryOps, numericUnaryOps, predicateUnaryOps,
  reduceOps,
} from '../../graph/ops.js'; // prettier-ignore
import type { ArgReduceOp, BinaryOp, OpName, ReduceOp, UnaryOp } from '../../graph/ops.js';
import { MicrotuneError } from '@microtune/shared';
import {
  binaryRules,
  lowerBinary,
  lowerCast,
  lowerSelect,
  unaryRules,
} from './elementwise-rules.js';
import {
  lowerDropout,
  lowerGelu,
  lowerGeluGrad,
  lowerLayerNorm,
  lowerLogSoftmax,
  lowerSoftmax,
} from './fused-rules.js';
import { HloWriter, elementTypes, names, tensorType } from './hlo-writer.js';
import type { HloValue, LoweringOptions } from './hlo-writer.js';
import {
  lowerConcat,
  lowerGather,
  lowerPad,
  lowerSegmentSum,
  lowerSlice,
  lowerTranspose,
} from './layout-rules.js';
import { lowerMatMul } from './matmul-rule.js';
import { lowerArgReduce, lowerCumsum, lowerReduce } from './reduction-rules.js';

/** Writes a node and gives its outputs. */
type Rule<Op extends OpName> = (
  writer: HloWriter,
  node: GraphNode<Op>,
  inputs: readonly HloValue[],
) => HloValue | readonly HloValue[];

function table<Name extends OpName, Each>(
  ops: readonly Name[],
  rule: (op: Name) => Each,
): { [Op in Name]: Each } {
  return Object.fromEntries(ops.map((op) => [op, rule(op)])) as { [Op in Name]: Each };
}
const unary = (op: UnaryOp) => (writer: HloWriter, _: unknown, inputs: readonly HloValue[]) =>
  unaryRules[op](writer, inputs[0]!);
const binary = (op: BinaryOp) => (writer: HloWriter, _: unknown, inputs: readonly HloValue[]) =>
  lowerBinary(binaryRules[op], writer, inputs);

const rules: { [Op in OpName]: Rule<Op> } = {
  ...table(floatUnaryOps, unary),
  ...table(numericUnaryOps, unary),
  ...table(predicateUnaryOps, unary),
  ...table(numericBinaryOps, binary),
  ...table(comparisonOps, binary),
  ...table(logicalBinaryOps, binary),
  ...table(
    reduceOps,
    () => (writer: HloWriter, node: GraphNode<ReduceOp>, inputs: readonly HloValue[]) =>
      lowerReduce(writer, node, inputs[0]!),
  ),
  ...table(
    argReduceOps,
    () => (writer: HloWriter, node: GraphNode<ArgReduceOp>, inputs: readonly HloValue[]) =>
      lowerArgReduce(writer, node, inputs[0]!),
  ),
  constant: (writer, { attributes }) => writer.dense(attributes.data, attributes.shape),
  splat: (writer, { attributes: { shape, dtype, value } }) =>
    writer.filled(value, { shape, type: elementTypes[dtype] }),
  cast: (writer, node, inputs) => lowerCast(writer, node, inputs[0]!),
  select: (writer, _, inputs) => lowerSelect(writer, inputs),
  reshape: (writer, { attributes }, inputs) => writer.reshape(inputs[0]!, attributes.shape),
  transpose: (writer, node, inputs) => lowerTranspose(writer, node, inputs[0]!),
  broadcast: (writer, { attributes }, inputs) => writer.spread(inputs[0]!, attributes.shape),
  slice: (writer, node, inputs) => lowerSlice(writer, node, inputs[0]!),
  pad: (writer, node, inputs) => lowerPad(writer, node, inputs[0]!),
  concat: lowerConcat,
  gather: lowerGather,
  segmentSum: lowerSegmentSum,
  cumsum: (writer, node, inputs) => lowerCumsum(writer, node, inputs[0]!),
  matMul: lowerMatMul,
  softmax: (writer, _, inputs) => lowerSoftmax(writer, inputs[0]!),
  logSoftmax: (writer, _, inputs) => lowerLogSoftmax(writer, inputs[0]!),
  layerNorm: lowerLayerNorm,
  gelu: (writer, node, inputs) => lowerGelu(writer, node, inputs[0]!),
  geluGrad: lowerGeluGrad,
  dropout: lowerDropout,
};

export interface StableHloOptions extends LoweringOptions {
  /** Donates inputs: input name -> the output that may be written over it, of the same shape and dtype. */
  readonly donate?: Readonly<Record<string, string>>;
  /** Adds a spare argument, donated, for each output. Not together with `donate`. */
  readonly spareOutputs?: boolean;
}

/** @throws MicrotuneError `usage` for a donation that names no input or output, or gives an output away twice */
export function toStableHlo(graph: Graph, options: StableHloOptions): string {
  const writer = new HloWriter(options);
  const known = new Map<Value, HloValue>();
  graph.inputs.forEach(({ value }, i) => known.set(value, hloValue(`%in${String(i)}`, value)));
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => known.get(input)!);
    const results = [(rules[node.op] as Rule<OpName>)(writer, node, inputs)].flat() as HloValue[];
    node.outputs.forEach((output, i) => known.set(output, results[i]!));
  }
  const outputs = graph.outputs.map(({ value }) => known.get(value)!);
  const types = outputs.map(tensorType).join(', ');
  return [
    'module @microtune {',
    `func.func public @main(${mainArguments(graph, options).join(', ')}) -> (${types}) {`,
    ...writer.lines,
    `return ${names(outputs)} : ${types}`,
    '}',
    '}\n',
  ].join('\n');
}

function hloValue(name: string, { shape, dtype }: Value): HloValue {
  return { name, shape, type: elementTypes[dtype] };
}

function mainArguments(
  graph: Graph,
  { donate = {}, spareOutputs = false }: StableHloOptions,
): string[] {
  const places = donatedPlaces(graph, donate);
  const argument = (name: string, value: Value, place: number | undefined) =>
    `${name}: ${tensorType(hloValue(name, value))}${place === undefined ? '' : ` {tf.aliasing_output = ${String(place)} : i32}`}`;
  const inputs = graph.inputs.map(({ name, value }, i) =>
    argument(`%in${String(i)}`, value, places.get(name)),
  );
  const spares = graph.outputs.map(({ value }, i) => argument(`%spare${String(i)}`, value, i));
  return spareOutputs ? [...inputs, ...spares] : inputs;
}

function donatedPlaces(
  graph: Graph,
  donate: Readonly<Record<string, string>>,
): Map<string, number> {
  const places = new Map<string, number>();
  for (const [input, output] of Object.entries(donate)) {
    const place = graph.outputs.findIndex(({ name }) => name === output);
    const known = graph.inputs.some(({ name }) => name === input) && place >= 0;
    if (!known || [...places.values()].includes(place)) {
      throw new MicrotuneError('usage', `input "${input}" cannot be donated to output "${output}"`);
    }
    places.set(input, place);
  }
  return places;
}

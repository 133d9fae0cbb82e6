/**
 * An ONNX model under construction: what the lowerings call. Repeated nodes and constants are written once.
 * Field numbers are those of onnx.proto3 (github.com/onnx/onnx).
 */
import type { HostBuffer, Shape, TensorSpec } from '../graph-types.js';
import type { Precision } from '../engine.js';
import { ProtobufWriter } from './protobuf-writer.js';

/** Which engine reads the file: `onnxruntime` may get com.microsoft ops, `openvino` only standard ones. */
export type OnnxDialect = 'onnxruntime' | 'openvino';
/** ONNX element types; int64 (shapes, axes), uint8 (masks read as numbers), bfloat16 (products) occur only inside. */
export type OnnxType = 'float32' | 'int32' | 'bool' | 'int64' | 'uint8' | 'bfloat16';
export type OnnxAttribute = number | string | readonly number[] | { readonly float: number };

const elementTypes: Readonly<Record<OnnxType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  bfloat16: 16,
};
const irVersion = 8;
const opsetVersion = 17;
const microsoftDomain = 'com.microsoft';

export function onnxElementType(type: OnnxType): number {
  return elementTypes[type];
}

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** An op of com.microsoft. */
  readonly microsoft?: boolean;
  /** How many outputs it has; 1 unless given. */
  readonly outputs?: number;
}

/** A graph input as the file declares it. */
export type OnnxInput = Omit<TensorSpec, 'dtype'> & { readonly dtype: OnnxType };

export class OnnxWriter {
  readonly #nodes: ProtobufWriter[] = [];
  readonly #constants: ProtobufWriter[] = [];
  readonly #known = new Map<string, readonly string[]>();
  readonly #narrow = new Map<string, string>();
  #count = 0;

  /** @param productPrecision what matrix products multiply in */
  constructor(
    readonly dialect: OnnxDialect,
    readonly productPrecision: Precision = 'f32',
  ) {}

  /** A graph input that holds bfloat16, as float32: the value, and from now on `bfloat16Of` it. */
  widened(input: string): string {
    const wide = this.node('Cast', [input], { to: elementTypes.float32 });
    this.#narrow.set(wide, input);
    return wide;
  }

  /** The name of the same numbers in bfloat16; undefined where they are float32 alone. */
  bfloat16Of(value: string): string | undefined {
    return this.#narrow.get(value);
  }

  /** Adds a node and gives the names of its outputs. */
  nodes(op: string, inputs: readonly string[], options: NodeOptions = {}): readonly string[] {
    const { attributes = {}, microsoft = false, outputs: numOutputs = 1 } = options;
    const key = JSON.stringify([op, inputs, attributes, microsoft, numOutputs]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const outputs = Array.from({ length: numOutputs }, () => this.#name());
    this.#writeNode(op, inputs, outputs, { attributes, microsoft });
    this.#known.set(key, outputs);
    return outputs;
  }

  /** Adds a node and gives the name of its first output. */
  node(op: string, inputs: readonly string[], attributes: NodeOptions['attributes'] = {}): string {
    return this.nodes(op, inputs, { attributes })[0]!;
  }

  /** Gives `value` a graph output's name. */
  output(name: string, value: string): void {
    this.#writeNode('Identity', [value], [name], {});
  }

  int64(values: readonly number[]): string {
    return this.#constant(BigInt64Array.from(values.map(BigInt)), 'int64', [values.length]);
  }

  scalar(value: number, type: Exclude<OnnxType, 'int64' | 'bfloat16'>): string {
    const data =
      type === 'float32'
        ? Float32Array.of(value)
        : type === 'int32'
          ? Int32Array.of(value)
          : Uint8Array.of(value);
    return this.#constant(data, type, []);
  }

  tensor(data: HostBuffer, type: OnnxType, shape: Shape): string {
    return this.#constant(data, type, shape);
  }

  finish(inputs: readonly OnnxInput[], outputs: readonly TensorSpec[]): Uint8Array {
    const graph = new ProtobufWriter();
    for (const node of this.#nodes) graph.message(1, node);
    graph.text(2, 'microtune');
    for (const constant of this.#constants) graph.message(5, constant);
    for (const input of inputs) graph.message(11, valueInfo(input));
    for (const output of outputs) graph.message(12, valueInfo(output));
    const opset = (domain: string, version: number) =>
      new ProtobufWriter().text(1, domain).integer(2, version);
    const model = new ProtobufWriter().integer(1, irVersion).text(2, 'microtune').message(7, graph);
    model.message(8, opset('', opsetVersion));
    if (this.dialect === 'onnxruntime') model.message(8, opset(microsoftDomain, 1));
    return model.finish();
  }

  /** Graph inputs and outputs have names from outside; users do not write percent signs. */
  #name(): string {
    return `%${this.#count++}`;
  }

  #constant(data: HostBuffer | BigInt64Array, type: OnnxType, shape: Shape): string {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key =
      bytes.byteLength <= 1024 ? JSON.stringify([type, shape, Array.from(bytes)]) : undefined;
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known !== undefined) return known[0]!;
    const name = this.#name();
    const tensor = new ProtobufWriter();
    for (const extent of shape) tensor.integer(1, extent);
    this.#constants.push(tensor.integer(2, elementTypes[type]).text(8, name).bytes(9, bytes));
    if (key !== undefined) this.#known.set(key, [name]);
    return name;
  }

  #writeNode(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    options: NodeOptions,
  ): void {
    const node = new ProtobufWriter();
    for (const input of inputs) node.text(1, input);
    for (const output of outputs) node.text(2, output);
    node.text(3, `n${this.#nodes.length}`).text(4, op);
    for (const [name, value] of Object.entries(options.attributes ?? {}))
      node.message(5, attribute(name, value));
    if (options.microsoft === true) node.text(7, microsoftDomain);
    this.#nodes.push(node);
  }
}

function attribute(name: string, value: OnnxAttribute): ProtobufWriter {
  const written = new ProtobufWriter().text(1, name);
  if (typeof value === 'number') return written.integer(3, value).integer(20, 2);
  if (typeof value === 'string') return written.text(4, value).integer(20, 3);
  if ('float' in value) return written.float(2, value.float).integer(20, 1);
  for (const entry of value) written.integer(8, entry);
  return written.integer(20, 7);
}

function valueInfo({ name, shape, dtype }: OnnxInput): ProtobufWriter {
  const dimensions = new ProtobufWriter();
  for (const extent of shape) dimensions.message(1, new ProtobufWriter().integer(1, extent));
  const tensorType = new ProtobufWriter().integer(1, elementTypes[dtype]).message(2, dimensions);
  return new ProtobufWriter().text(1, name).message(2, new ProtobufWriter().message(1, tensorType));
}

/**
 * A TensorFlow GraphDef under construction: what the lowerings call. Repeated nodes are written once. Attributes that
 * equal the op's default are left out; TensorFlow fills them in at load.
 * Field numbers are those of tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto.
 */
import { ProtobufWriter } from '../onnx/protobuf-writer.js';
import type { DType, HostBuffer, Shape } from '../graph-types.js';

/** Element types of a graph; bfloat16 occurs only inside. */
export type TensorflowType = DType | 'bfloat16';
const typeNumbers: Readonly<Record<TensorflowType, number>> = {
  float32: 1,
  int32: 3,
  bool: 10,
  bfloat16: 14,
};

export interface ConstantTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: HostBuffer;
}
export type Attribute =
  | { readonly type: TensorflowType }
  | { readonly shape: Shape }
  | { readonly int: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly tensor: ConstantTensor };
export type Attributes = Readonly<Record<string, Attribute>>;

export class GraphDefWriter {
  readonly #graph = new ProtobufWriter();
  readonly #known = new Map<string, string>();
  #count = 0;

  /** Adds a node and gives its name, which stands for its first output; `^name` among the inputs is a control edge. */
  node(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const key = JSON.stringify([op, inputs, attributes]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = `n${String(this.#count++)}`;
    this.#write(name, op, { inputs, attributes });
    this.#known.set(key, name);
    return name;
  }

  /** Adds a node that the outside asks for by name; never shared. */
  named(name: string, op: string, node: { inputs?: readonly string[]; attributes: Attributes }) {
    this.#write(name, op, { inputs: node.inputs ?? [], attributes: node.attributes });
    return name;
  }

  /** A vector of int32: shapes, axes, paddings. */
  ints(values: readonly number[], shape: Shape = [values.length]): string {
    return this.constant({ dtype: 'int32', shape, data: Int32Array.from(values) });
  }

  scalar(value: number, dtype: DType): string {
    const data =
      dtype === 'float32'
        ? Float32Array.of(value)
        : dtype === 'int32'
          ? Int32Array.of(value)
          : Uint8Array.of(value);
    return this.constant({ dtype, shape: [], data });
  }

  constant(tensor: ConstantTensor): string {
    const attributes = { dtype: { type: tensor.dtype }, value: { tensor } } as const;
    if (tensor.data.length <= 16) return this.node('Const', [], attributes);
    return this.named(`n${String(this.#count++)}`, 'Const', { attributes });
  }

  /** The SavedModel around the graph: one MetaGraph with the tag `serve`. */
  finish(): Uint8Array {
    const meta = new ProtobufWriter().message(1, new ProtobufWriter().text(4, 'serve'));
    meta.message(2, this.#graph);
    return new ProtobufWriter().integer(1, 1).message(2, meta).finish();
  }

  #write(
    name: string,
    op: string,
    { inputs, attributes }: { inputs: readonly string[]; attributes: Attributes },
  ): void {
    const node = new ProtobufWriter().text(1, name).text(2, op);
    for (const input of inputs) node.text(3, input);
    for (const [key, attribute] of Object.entries(attributes)) {
      node.message(5, new ProtobufWriter().text(1, key).message(2, attributeValue(attribute)));
    }
    this.#graph.message(1, node);
  }
}

function attributeValue(attribute: Attribute): ProtobufWriter {
  const value = new ProtobufWriter();
  if ('type' in attribute) return value.integer(6, typeNumbers[attribute.type]);
  if ('shape' in attribute) return value.message(7, shapeProto(attribute.shape));
  if ('int' in attribute) return value.integer(3, attribute.int);
  if ('bool' in attribute) return value.integer(5, attribute.bool ? 1 : 0);
  if ('text' in attribute) return value.text(2, attribute.text);
  return value.message(8, tensorProto(attribute.tensor));
}

function shapeProto(shape: Shape): ProtobufWriter {
  const proto = new ProtobufWriter();
  for (const extent of shape) proto.message(2, new ProtobufWriter().integer(1, extent));
  return proto;
}

function tensorProto({ dtype, shape, data }: ConstantTensor): ProtobufWriter {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new ProtobufWriter()
    .integer(1, typeNumbers[dtype])
    .message(2, shapeProto(shape))
    .bytes(4, bytes);
}

/**
 * Products take in what stands around them: transposes of their operands, factors, a bias added after; and a batch
 * that shares its second operand becomes rows of one two-dimensional product, which engines run as one GEMM.
 */
import type { GraphBuilder } from '../graph/graph-builder.js';
import { producer } from '../graph/graph.js';
import type { GraphNode, Value } from '../graph/graph.js';
import { elementCount, sameShape } from '../graph/shape.js';
import { countReaders, rewriteNodes, splatNumber } from './pass.js';

type MatMul = GraphNode<'matMul'>;
interface Operand {
  readonly value: Value;
  readonly transposed: boolean;
  readonly factor: number;
}

function swapsLastTwo(perm: readonly number[]): boolean {
  const last = perm.length - 1;
  return perm.every((axis, i) => axis === (i === last ? last - 1 : i === last - 1 ? last : i));
}

/** The operand without a factor and without a transpose of its matrices. */
function stripped(value: Value, transposed: boolean): Operand {
  const scaled = producer(value, 'mul');
  const factor = splatNumber(scaled?.inputs[1]);
  if (
    scaled !== undefined &&
    factor !== undefined &&
    sameShape(scaled.inputs[0]!.shape, value.shape)
  ) {
    const inner = stripped(scaled.inputs[0]!, transposed);
    return { ...inner, factor: inner.factor * factor };
  }
  const turned = producer(value, 'transpose');
  if (turned !== undefined && swapsLastTwo(turned.attributes.perm))
    return stripped(turned.inputs[0]!, !transposed);
  return { value, transposed, factor: 1 };
}

/** A product as it stands, or after rewriting: operands, perhaps a bias, and attributes. */
type Product = Pick<MatMul, 'inputs' | 'attributes'>;

/** Matrices whose product has the same values in the same order: of a batch of one, or of [..., M, K] x [K, N]. */
function flattened(build: GraphBuilder, { inputs, attributes }: Product): Product | undefined {
  const [a, b] = [inputs[0]!, inputs[1]!];
  if (a.shape.length === 2 && b.shape.length === 2) return undefined;
  const matrix = (value: Value, rows: number) =>
    build.add('reshape', [value], { shape: [rows, value.shape.at(-1)!] });
  const single = [...a.shape.slice(0, -2), ...b.shape.slice(0, -2)].every((extent) => extent === 1);
  const shared = b.shape.length === 2 && !attributes.transposeA;
  if (!single && !shared) return undefined;
  const rows = single ? a.shape.at(-2)! : elementCount(a.shape.slice(0, -1));
  return {
    inputs: [matrix(a, rows), matrix(b, b.shape.at(-2)!), ...inputs.slice(2)],
    attributes,
  };
}

function foldOperands({ inputs, attributes }: Product): Product | undefined {
  const { transposeA, transposeB, alpha } = attributes;
  const a = stripped(inputs[0]!, transposeA);
  const b = stripped(inputs[1]!, transposeB);
  if (a.value === inputs[0] && b.value === inputs[1]) return undefined;
  const factor = alpha * a.factor * b.factor;
  return {
    inputs: [a.value, b.value, ...inputs.slice(2)],
    attributes: { transposeA: a.transposed, transposeB: b.transposed, alpha: factor },
  };
}

function rewriteProduct(
  build: GraphBuilder,
  node: MatMul,
  inputs: readonly Value[],
): Value | undefined {
  const given: Product = { inputs, attributes: node.attributes };
  const folded = foldOperands(given) ?? given;
  const product = flattened(build, folded) ?? folded;
  if (product === given) return undefined;
  const made = build.add('matMul', product.inputs, product.attributes);
  const { shape } = node.outputs[0]!;
  return sameShape(made.shape, shape) ? made : build.add('reshape', [made], { shape });
}

/** The product that an input of the node being visited is, when nothing else reads it, so that it may change. */
type OnlyReader = (input: number) => MatMul | undefined;

/** (a b) + bias, also behind the reshape that `flattened` leaves. */
function foldBias(
  build: GraphBuilder,
  inputs: readonly Value[],
  only: OnlyReader,
  output: Value,
): Value | undefined {
  for (const at of [0, 1]) {
    const product = only(at);
    const bias = inputs[1 - at]!;
    const columns = product?.outputs[0]!.shape.at(-1);
    if (product?.inputs.length !== 2 || product.outputs[0]!.shape.length !== 2) continue;
    if (!sameShape(bias.shape, [columns!]) || output.shape.at(-1) !== columns) continue;
    if (!sameShape(inputs[at]!.shape, output.shape)) continue;
    const biased = build.add('matMul', [...product.inputs, bias], product.attributes);
    return sameShape(biased.shape, output.shape)
      ? biased
      : build.add('reshape', [biased], { shape: output.shape });
  }
  return undefined;
}

/** A factor after a product becomes its alpha. */
function foldFactor(
  build: GraphBuilder,
  inputs: readonly Value[],
  only: OnlyReader,
  output: Value,
): Value | undefined {
  const factor = splatNumber(inputs[1]);
  const product = only(0);
  if (factor === undefined || product === undefined || product.inputs.length === 3)
    return undefined;
  if (!sameShape(inputs[0]!.shape, output.shape)) return undefined;
  const alpha = product.attributes.alpha * factor;
  const scaled = build.add('matMul', product.inputs, { ...product.attributes, alpha });
  return sameShape(scaled.shape, output.shape)
    ? scaled
    : build.add('reshape', [scaled], { shape: output.shape });
}

export const foldIntoMatMul = rewriteNodes('fold-into-mat-mul', (graph) => {
  const readers = countReaders(graph);
  return (build, node, inputs) => {
    const only: OnlyReader = (input) => {
      const before = node.inputs[input]!;
      const reshaped = before.node?.op === 'reshape';
      const once =
        readers.get(before) === 1 && (!reshaped || readers.get(before.node.inputs[0]!) === 1);
      if (!once) return undefined;
      const value = inputs[input]!;
      return producer(producer(value, 'reshape')?.inputs[0] ?? value, 'matMul');
    };
    if (node.op === 'matMul') return rewriteProduct(build, node, inputs);
    if (node.op === 'add') return foldBias(build, inputs, only, node.outputs[0]!);
    return node.op === 'mul' ? foldFactor(build, inputs, only, node.outputs[0]!) : undefined;
  };
});

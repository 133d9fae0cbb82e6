/**
 * Products take in what stands around them: transposes of their operands, factors, a bias added after; and a batch
 * that shares its second operand becomes rows of one two-dimensional product, which engines run as one GEMM.
 */
import type { GraphBuilder } from '../graph/graph-builder.js';
import { producer } from '../graph/graph.js';
import type { GraphNode, Value } from '../graph/graph.js';
import { sameShape } from '../graph/shape.js';
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

/** [..., M, K] x [K, N] as [rows, K] x [K, N]. */
function flattened(build: GraphBuilder, node: MatMul, inputs: readonly Value[]): Value | undefined {
  const [a, b] = [inputs[0]!, inputs[1]!];
  if (b.shape.length !== 2 || a.shape.length === 2 || node.attributes.transposeA) return undefined;
  const rows = build.add('reshape', [a], {
    shape: [a.shape.slice(0, -1).reduce((x, y) => x * y, 1), a.shape.at(-1)!],
  });
  const product = build.add('matMul', [rows, ...inputs.slice(1)], node.attributes);
  return build.add('reshape', [product], { shape: node.outputs[0]!.shape });
}

/** A batch of one is a product of matrices. */
function unbatched(build: GraphBuilder, node: MatMul, inputs: readonly Value[]): Value | undefined {
  const [a, b] = [inputs[0]!, inputs[1]!];
  const batches = [...a.shape.slice(0, -2), ...b.shape.slice(0, -2)];
  if (batches.length === 0 || batches.some((extent) => extent !== 1)) return undefined;
  const matrices = [a, b].map((value) =>
    build.add('reshape', [value], { shape: value.shape.slice(-2) }),
  );
  const product = build.add('matMul', [...matrices, ...inputs.slice(2)], node.attributes);
  return build.add('reshape', [product], { shape: node.outputs[0]!.shape });
}

function foldOperands(
  build: GraphBuilder,
  node: MatMul,
  inputs: readonly Value[],
): Value | undefined {
  const { transposeA, transposeB, alpha } = node.attributes;
  const a = stripped(inputs[0]!, transposeA);
  const b = stripped(inputs[1]!, transposeB);
  if (a.value === inputs[0] && b.value === inputs[1]) return undefined;
  return build.add('matMul', [a.value, b.value, ...inputs.slice(2)], {
    transposeA: a.transposed,
    transposeB: b.transposed,
    alpha: alpha * a.factor * b.factor,
  });
}

/** The product behind `value` that nothing else reads, so that it may change. */
type OnlyReader = (value: Value) => MatMul | undefined;

/** (a b) + bias, also behind a reshape that keeps the columns. */
function foldBias(
  build: GraphBuilder,
  inputs: readonly Value[],
  only: OnlyReader,
  output: Value,
): Value | undefined {
  for (const [sum, bias] of [inputs, inputs.toReversed()]) {
    const product = only(sum!);
    if (product === undefined || product.inputs.length === 3) continue;
    const columns = product.outputs[0]!.shape.at(-1)!;
    const isBias = sameShape(bias!.shape, [columns]) && sameShape(sum!.shape, output.shape);
    if (isBias && product.outputs[0]!.shape.length === 2) {
      return build.add('matMul', [...product.inputs, bias!], product.attributes);
    }
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
  const product = only(inputs[0]!);
  if (factor === undefined || product === undefined || product.inputs.length === 3)
    return undefined;
  if (!sameShape(product.outputs[0]!.shape, output.shape)) return undefined;
  return build.add('matMul', product.inputs, {
    ...product.attributes,
    alpha: product.attributes.alpha * factor,
  });
}

export const foldIntoMatMul = rewriteNodes('fold-into-mat-mul', (graph) => {
  const readers = countReaders(graph);
  return (build, node, inputs) => {
    const only: OnlyReader = (value) => {
      const at = inputs.indexOf(value);
      return readers.get(node.inputs[at]!) === 1 ? producer(value, 'matMul') : undefined;
    };
    if (node.op === 'matMul') {
      return (
        foldOperands(build, node, inputs) ??
        unbatched(build, node, inputs) ??
        flattened(build, node, inputs)
      );
    }
    if (node.op === 'add') return foldBias(build, inputs, only, node.outputs[0]!);
    return node.op === 'mul' ? foldFactor(build, inputs, only, node.outputs[0]!) : undefined;
  };
});

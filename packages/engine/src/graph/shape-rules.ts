/**
 * Shape rules: from the inputs' shapes and dtypes and the attributes of a node, the outputs'. They also check that
 * the op means anything for these inputs, so a graph made by GraphBuilder is well-formed by construction.
 */
import { MicrotuneError } from '@microtune/shared';
import type { DType, Shape } from '../graph-types.js';
import {
  argReduceOps, comparisonOps, floatUnaryOps, logicalBinaryOps, numericBinaryOps, numericUnaryOps, reduceOps,
} from './ops.js'; // prettier-ignore
import type { OpAttributes, OpName, ReduceAttributes } from './ops.js';
import { broadcastShapes, bufferFits, elementCount, reducedShape, sameShape } from './shape.js';

export interface ValueSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}
type ShapeRule<Op extends OpName> = (
  inputs: readonly ValueSpec[],
  attributes: OpAttributes[Op],
) => readonly ValueSpec[];

function need(condition: boolean, expectation: string): asserts condition {
  if (!condition) throw new MicrotuneError('usage', expectation);
}
function at(inputs: readonly ValueSpec[], index: number): ValueSpec {
  const input = inputs[index];
  need(input !== undefined, `input ${index} is missing`);
  return input;
}
function needCount(inputs: readonly ValueSpec[], expected: number): void {
  need(inputs.length === expected, `expected ${expected} inputs, got ${inputs.length}`);
}
function needDtype(input: ValueSpec, ...dtypes: DType[]): void {
  need(dtypes.includes(input.dtype), `expected ${dtypes.join(' or ')}, got ${input.dtype}`);
}
function needAxis(shape: Shape, axis: number): void {
  need(
    Number.isInteger(axis) && axis >= 0 && axis < shape.length,
    `axis ${axis} is outside rank ${shape.length}`,
  );
}
function table<Name extends OpName, Rule>(
  names: readonly Name[],
  rule: (name: Name) => Rule,
): { [Op in Name]: Rule } {
  return Object.fromEntries(names.map((name) => [name, rule(name)])) as { [Op in Name]: Rule };
}

const unary = (from: readonly DType[], to?: DType) => (inputs: readonly ValueSpec[]) => {
  needCount(inputs, 1);
  const x = at(inputs, 0);
  needDtype(x, ...from);
  return [{ shape: x.shape, dtype: to ?? x.dtype }];
};

const binary = (from: readonly DType[], to?: DType) => (inputs: readonly ValueSpec[]) => {
  needCount(inputs, 2);
  const [a, b] = [at(inputs, 0), at(inputs, 1)];
  needDtype(a, ...from);
  needDtype(b, a.dtype);
  return [{ shape: broadcastShapes(a.shape, b.shape), dtype: to ?? a.dtype }];
};

const reduce =
  (from: readonly DType[]) =>
  (inputs: readonly ValueSpec[], { axes, keepDims }: ReduceAttributes) => {
    needCount(inputs, 1);
    const x = at(inputs, 0);
    needDtype(x, ...from);
    need(
      axes.length > 0 && axes.every((axis, i) => i === 0 || axis > (axes[i - 1] ?? axis)),
      'axes must be sorted',
    );
    axes.forEach((axis) => needAxis(x.shape, axis));
    return [{ shape: reducedShape(x.shape, axes, keepDims), dtype: x.dtype }];
  };

const argReduce = (inputs: readonly ValueSpec[], { axis }: { readonly axis: number }) => {
  needCount(inputs, 1);
  const x = at(inputs, 0);
  needDtype(x, 'float32', 'int32');
  needAxis(x.shape, axis);
  return [{ shape: reducedShape(x.shape, [axis], false), dtype: 'int32' as const }];
};

const overLastAxis = (inputs: readonly ValueSpec[]) => {
  needCount(inputs, 1);
  needDtype(at(inputs, 0), 'float32');
  need(at(inputs, 0).shape.length > 0, 'needs at least one axis');
  return [at(inputs, 0)];
};

const numbers: readonly DType[] = ['float32', 'int32'];
const anything: readonly DType[] = ['float32', 'int32', 'bool'];

const shapeRules: { [Op in OpName]: ShapeRule<Op> } = {
  ...table(floatUnaryOps, () => unary(['float32'])),
  ...table(numericUnaryOps, () => unary(numbers)),
  isNaN: unary(['float32'], 'bool'),
  isInf: unary(['float32'], 'bool'),
  logicalNot: unary(['bool'], 'bool'),
  ...table(numericBinaryOps, (op) => binary(op === 'div' || op === 'pow' ? ['float32'] : numbers)),
  ...table(comparisonOps, (op) => binary(op === 'equal' ? anything : numbers, 'bool')),
  ...table(logicalBinaryOps, () => binary(['bool'])),
  ...table(reduceOps, (op) => reduce(op === 'reduceMean' ? ['float32'] : numbers)),
  ...table(argReduceOps, () => argReduce),

  constant: (inputs, { shape, dtype, data }) => {
    needCount(inputs, 0);
    need(
      bufferFits(data, shape, dtype),
      `data of ${data.length} values is not ${dtype} [${shape.join(', ')}]`,
    );
    return [{ shape, dtype }];
  },
  splat: (inputs, { shape, dtype }) => {
    needCount(inputs, 0);
    return [{ shape, dtype }];
  },
  cast: (inputs, { dtype }) => unary(anything, dtype)(inputs),
  select: (inputs) => {
    needCount(inputs, 3);
    const [condition, whenTrue, whenFalse] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)];
    needDtype(condition, 'bool');
    needDtype(whenFalse, whenTrue.dtype);
    const shape = broadcastShapes(
      condition.shape,
      broadcastShapes(whenTrue.shape, whenFalse.shape),
    );
    return [{ shape, dtype: whenTrue.dtype }];
  },
  reshape: (inputs, { shape }) => {
    needCount(inputs, 1);
    const x = at(inputs, 0);
    need(
      elementCount(shape) === elementCount(x.shape),
      `[${x.shape.join(', ')}] has no shape [${shape.join(', ')}]`,
    );
    return [{ shape, dtype: x.dtype }];
  },
  transpose: (inputs, { perm }) => {
    needCount(inputs, 1);
    const x = at(inputs, 0);
    need(
      perm.length === x.shape.length &&
        [...perm].sort((a, b) => a - b).every((axis, i) => axis === i),
      `[${perm.join(', ')}] is no permutation of ${x.shape.length} axes`,
    );
    return [{ shape: perm.map((axis) => x.shape[axis] ?? 1), dtype: x.dtype }];
  },
  broadcast: (inputs, { shape }) => {
    needCount(inputs, 1);
    const x = at(inputs, 0);
    need(
      sameShape(broadcastShapes(x.shape, shape), shape),
      `[${x.shape.join(', ')}] does not broadcast to [${shape.join(', ')}]`,
    );
    return [{ shape, dtype: x.dtype }];
  },
  slice: (inputs, { begin, size, strides }) => {
    needCount(inputs, 1);
    const x = at(inputs, 0);
    const inside = x.shape.every((extent, axis) => {
      const [from, count, stride] = [begin[axis] ?? -1, size[axis] ?? -1, strides[axis] ?? 0];
      const last = from + (count - 1) * stride;
      return (
        stride !== 0 &&
        (count === 0 || (count > 0 && from >= 0 && from < extent && last >= 0 && last < extent))
      );
    });
    need(
      inside && size.length === x.shape.length,
      `begin [${begin.join(', ')}], size [${size.join(', ')}] leave [${x.shape.join(', ')}]`,
    );
    return [{ shape: size, dtype: x.dtype }];
  },
  pad: (inputs, { paddings }) => {
    needCount(inputs, 1);
    const x = at(inputs, 0);
    need(
      paddings.length === x.shape.length,
      `${paddings.length} paddings for rank ${x.shape.length}`,
    );
    return [
      {
        shape: x.shape.map((extent, axis) => extent + paddings[axis]![0] + paddings[axis]![1]),
        dtype: x.dtype,
      },
    ];
  },
  concat: (inputs, { axis }) => {
    const first = at(inputs, 0);
    needAxis(first.shape, axis);
    for (const input of inputs) {
      needDtype(input, first.dtype);
      const fits = input.shape.every((extent, i) => i === axis || extent === first.shape[i]);
      need(
        fits && input.shape.length === first.shape.length,
        `[${input.shape.join(', ')}] does not join`,
      );
    }
    const extent = inputs.reduce((sum, input) => sum + (input.shape[axis] ?? 0), 0);
    return [
      { shape: first.shape.map((own, i) => (i === axis ? extent : own)), dtype: first.dtype },
    ];
  },
  gather: (inputs, { axis }) => {
    needCount(inputs, 2);
    const [x, indices] = [at(inputs, 0), at(inputs, 1)];
    needDtype(indices, 'int32');
    needAxis(x.shape, axis);
    return [
      {
        shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
        dtype: x.dtype,
      },
    ];
  },
  segmentSum: (inputs, { numSegments }) => {
    needCount(inputs, 2);
    const [x, ids] = [at(inputs, 0), at(inputs, 1)];
    needDtype(x, 'float32', 'int32');
    needDtype(ids, 'int32');
    need(ids.shape.length === 1 && ids.shape[0] === x.shape[0], 'expected one id per row');
    return [{ shape: [numSegments, ...x.shape.slice(1)], dtype: x.dtype }];
  },
  cumsum: (inputs, { axis }) => {
    needCount(inputs, 1);
    needDtype(at(inputs, 0), 'float32', 'int32');
    needAxis(at(inputs, 0).shape, axis);
    return [at(inputs, 0)];
  },
  matMul: (inputs, { transposeA, transposeB }) => {
    need(
      inputs.length === 2 || inputs.length === 3,
      `expected 2 or 3 inputs, got ${inputs.length}`,
    );
    const [a, b] = [at(inputs, 0), at(inputs, 1)];
    inputs.forEach((input) => needDtype(input, 'float32'));
    need(a.shape.length >= 2 && b.shape.length >= 2, 'expected at least two axes');
    const [aRows, aColumns] = transposeA
      ? [a.shape.at(-1), a.shape.at(-2)]
      : [a.shape.at(-2), a.shape.at(-1)];
    const [bRows, bColumns] = transposeB
      ? [b.shape.at(-1), b.shape.at(-2)]
      : [b.shape.at(-2), b.shape.at(-1)];
    need(aColumns === bRows, `inner extents ${aColumns} and ${bRows} differ`);
    need(
      inputs.length === 2 || sameShape(at(inputs, 2).shape, [bColumns!]),
      `expected a bias of [${bColumns}]`,
    );
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
    return [{ shape: [...batch, aRows!, bColumns!], dtype: 'float32' }];
  },
  softmax: overLastAxis,
  logSoftmax: overLastAxis,
  layerNorm: (inputs) => {
    needCount(inputs, 3);
    inputs.forEach((input) => needDtype(input, 'float32'));
    const x = at(inputs, 0);
    const width = [x.shape.at(-1) ?? 0];
    need(
      sameShape(at(inputs, 1).shape, width) && sameShape(at(inputs, 2).shape, width),
      `expected [${width[0]}]`,
    );
    const statistics: ValueSpec = { shape: [...x.shape.slice(0, -1), 1], dtype: 'float32' };
    return [x, statistics, statistics];
  },
  gelu: unary(['float32']),
  geluGrad: (inputs) => {
    need(sameShape(at(inputs, 0).shape, at(inputs, 1).shape), 'expected dy and x of one shape');
    return binary(['float32'])(inputs);
  },
  dropout: (inputs) => {
    needCount(inputs, 2);
    const [x, mask] = [at(inputs, 0), at(inputs, 1)];
    needDtype(x, 'float32');
    needDtype(mask, 'bool');
    need(
      sameShape(x.shape, mask.shape),
      `a mask of [${mask.shape.join(', ')}] for x of [${x.shape.join(', ')}]`,
    );
    return [x];
  },
};

export const opNames = Object.keys(shapeRules) as OpName[];

/** The outputs of a node. @throws MicrotuneError `usage` naming the op, its inputs and what it expected */
export function inferOutputs<Op extends OpName>(
  op: Op,
  inputs: readonly ValueSpec[],
  attributes: OpAttributes[Op],
): readonly ValueSpec[] {
  try {
    return shapeRules[op](inputs, attributes);
  } catch (cause) {
    const given = inputs.map((input) => `${input.dtype}[${input.shape.join(', ')}]`).join(', ');
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MicrotuneError('usage', `${op}(${given}): ${reason}`, { cause });
  }
}

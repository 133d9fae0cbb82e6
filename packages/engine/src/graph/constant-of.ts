/** Constants from host data. */
import type { DType, Shape } from '../graph-types.js';
import type { GraphBuilder } from './graph-builder.js';
import type { Value } from './graph.js';
import { hostBuffer } from './shape.js';

/** A constant of a copy of `values`, as a splat where all of them are one. */
export function constantOf(
  build: GraphBuilder,
  values: ArrayLike<number>,
  { shape, dtype }: { readonly shape: Shape; readonly dtype: DType },
): Value {
  const data = hostBuffer(shape, dtype);
  data.set(values);
  const first = data[0];
  const repeats = first !== undefined && data.every((value: number) => Object.is(value, first));
  return repeats
    ? build.splat(shape, dtype, first)
    : build.add('constant', [], { shape, dtype, data });
}

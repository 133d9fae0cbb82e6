/** Constants from host data. */
import type { DType, HostBuffer, Shape } from '../graph-types.js';
import type { GraphBuilder } from './graph-builder.js';
import type { Value } from './graph.js';

/** A constant over `data`, as a splat where all its values are one. The data must not change afterwards. */
export function constantOf(build: GraphBuilder, data: HostBuffer, shape: Shape): Value {
  const dtype: DType =
    data instanceof Float32Array ? 'float32' : data instanceof Int32Array ? 'int32' : 'bool';
  const first = data[0];
  const repeats = first !== undefined && data.every((value: number) => Object.is(value, first));
  return repeats
    ? build.splat(shape, dtype, first)
    : build.add('constant', [], { shape, dtype, data });
}

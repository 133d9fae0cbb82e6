/** Arithmetic on shapes. */
import { MicrotuneError } from '@microtune/shared';
import type { DType, HostBuffer, Shape } from '../graph-types.js';

/** Number of elements. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** NumPy broadcasting of two shapes. @throws MicrotuneError `usage` when they do not broadcast */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new MicrotuneError(
        'usage',
        `shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`,
      );
    }
    return left === 1 ? right : left;
  });
}

/** The shape after reducing `axes`. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  return keepDims
    ? shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
    : shape.filter((_, axis) => !axes.includes(axis));
}

export function bytesPerElement(dtype: DType): number {
  return dtype === 'bool' ? 1 : 4;
}

/** Bytes of a tensor's values. */
export function tensorBytes({ shape, dtype }: { shape: Shape; dtype: DType }): number {
  return elementCount(shape) * bytesPerElement(dtype);
}

/** A zeroed host buffer for a tensor. */
export function hostBuffer(shape: Shape, dtype: DType): HostBuffer {
  const count = elementCount(shape);
  if (dtype === 'float32') return new Float32Array(count);
  return dtype === 'int32' ? new Int32Array(count) : new Uint8Array(count);
}

/** Whether a buffer is of the type and length a tensor needs. */
export function bufferFits(buffer: HostBuffer, shape: Shape, dtype: DType): boolean {
  const typed =
    dtype === 'float32'
      ? buffer instanceof Float32Array
      : dtype === 'int32'
        ? buffer instanceof Int32Array
        : buffer instanceof Uint8Array;
  return typed && buffer.length === elementCount(shape);
}

/**
 * Element types of a safetensors file, and the conversion of the floating ones to float32.
 * Source: safetensors/src/tensor.rs (Dtype, bitsize).
 */

/** Bits per element. */
export const dtypeBits = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
} as const;

export type SafetensorsDtype = keyof typeof dtypeBits;

export function isDtype(name: unknown): name is SafetensorsDtype {
  return typeof name === 'string' && Object.hasOwn(dtypeBits, name);
}

/** The element types that can be read as float32. */
export const floatDtypes = ['F32', 'F16', 'BF16', 'F64'] as const;
export type FloatDtype = (typeof floatDtypes)[number];

export function isFloatDtype(dtype: SafetensorsDtype): dtype is FloatDtype {
  return (floatDtypes as readonly string[]).includes(dtype);
}

/**
 * Converts little-endian elements to float32, the nearest value where float64 is narrowed.
 * @param bytes exactly `destination.length` elements
 */
export function convertToFloat32(
  dtype: FloatDtype,
  bytes: Uint8Array,
  destination: Float32Array,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = elementReaders[dtype];
  for (let i = 0; i < destination.length; i++) destination[i] = read(view, i);
}

const elementReaders: { [D in FloatDtype]: (view: DataView, index: number) => number } = {
  F32: (view, index) => view.getFloat32(index * 4, true),
  F64: (view, index) => view.getFloat64(index * 8, true),
  F16: (view, index) => float16Value(view.getUint16(index * 2, true)),
  BF16: (view, index) => bfloat16Value(view.getUint16(index * 2, true)),
};

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** bfloat16 is the upper half of a float32. */
function bfloat16Value(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

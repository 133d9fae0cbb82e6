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

/** What weights may be, for messages. */
const expectedFloat = `expected one of ${floatDtypes.join(', ')}`;

/** Why a tensor of that type holds no weights that can be read. */
export function notFloat(dtype: SafetensorsDtype): string {
  const advice = quantizedDtypes.has(dtype)
    ? ': quantized weights cannot be trained; take the model in its original precision'
    : '';
  return `is ${dtype}, ${expectedFloat}${advice}`;
}

/** Packed 4-bit and 8-bit kinds (bitsandbytes, GPTQ, AWQ, FP8, MX) are stored as these; I64 and BOOL are buffers. */
const quantizedDtypes: ReadonlySet<string> = new Set([
  ...['U8', 'I8', 'I16', 'U16', 'I32', 'U32', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0'],
  ...['F8_E4M3FNUZ', 'F8_E5M2FNUZ', 'F4', 'F6_E2M3', 'F6_E3M2'],
]);

export function isFloatDtype(dtype: SafetensorsDtype): dtype is FloatDtype {
  return (floatDtypes as readonly string[]).includes(dtype);
}

/**
 * Converts elements to float32, the nearest value where float64 is narrowed. As everywhere in this package, the machine
 * is little-endian like the file. Whole arrays of bits, no call per element: a billion bfloat16 values take one to two seconds.
 * @param bytes exactly `destination.length` elements
 */
export function convertToFloat32(
  dtype: FloatDtype,
  bytes: Uint8Array,
  destination: Float32Array,
): void {
  // An array of 2 or 8 bytes cannot begin anywhere.
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  if (dtype === 'F32') {
    destination.set(new Float32Array(buffer, byteOffset, byteLength / 4));
  } else if (dtype === 'F64') {
    destination.set(new Float64Array(buffer, byteOffset, byteLength / 8));
  } else {
    const from = new Uint16Array(buffer, byteOffset, byteLength / 2);
    const to = new Int32Array(destination.buffer, destination.byteOffset, destination.length);
    if (dtype === 'BF16') widenBfloat16(from, to);
    else widenFloat16(from, to);
  }
}

/** bfloat16 is the upper half of a float32. Two at a time take half the time of one by one. */
function widenBfloat16(from: Uint16Array, to: Int32Array): void {
  const pairs = new Int32Array(from.buffer, from.byteOffset, from.length >> 1);
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i] as number;
    to[2 * i] = pair << 16;
    to[2 * i + 1] = pair & 0xffff0000;
  }
  const last = to.length - 1;
  if (last % 2 === 0) to[last] = (from[last] as number) << 16;
}

function widenFloat16(from: Uint16Array, to: Int32Array): void {
  const bits = (float16Bits ??= float32BitsOfFloat16());
  for (let i = 0; i < to.length; i++) to[i] = bits[from[i] as number] as number;
}

/** 256 KiB, made for the first such tensor. */
let float16Bits: Int32Array | undefined;

/** Of each of the 65,536 numbers of IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits) the bits as float32. */
function float32BitsOfFloat16(): Int32Array {
  const bits = new Int32Array(2 ** 16);
  const values = new Float32Array(bits.buffer);
  for (let half = 0; half < bits.length; half++) {
    const sign = half & 0x8000;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) values[half] = (sign === 0 ? 1 : -1) * fraction * 2 ** -24;
    else {
      const wide = exponent === 0x1f ? 0xff : exponent + 112; // the biases are 15 and 127
      bits[half] = (sign << 16) | (wide << 23) | (fraction << 13);
    }
  }
  return bits;
}

/** What weights can be written as. */
export const storedDtypes = ['F32', 'BF16', 'F16'] as const;
export type StoredDtype = (typeof storedDtypes)[number];

/**
 * The nearest numbers of a narrower type, ties to even, as torch rounds: those that are too large become infinite.
 * @returns the bytes of the file; for F32 those of `values` themselves
 */
export function narrowFloat32(dtype: StoredDtype, values: Float32Array): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const narrow = new Uint16Array(values.length);
  const one = dtype === 'BF16' ? bfloat16Bits : float16Of;
  for (let i = 0; i < bits.length; i++) narrow[i] = one(bits[i] as number);
  return new Uint8Array(narrow.buffer);
}

function bfloat16Bits(bits: number): number {
  // A NaN could round to infinity.
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function float16Of(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00;
  // From 65,520 on the nearest is infinity.
  if (size >= 0x477ff000) return sign | 0x7c00;
  if (size < 0x38800000) {
    // Below 2^-14 a step is 2^-24: the number of steps, rounded, is the fraction.
    floatBits[0] = size;
    const steps = (floatOfBits[0] as number) * 2 ** 24;
    const floor = Math.floor(steps);
    const rest = steps - floor;
    return sign | (floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0));
  }
  return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
}

const floatBits = new Uint32Array(1);
const floatOfBits = new Float32Array(floatBits.buffer);

/**
 * Numbers of OpenVINO's element types. They have shifted between releases, and a wrong one reads memory at the wrong
 * width, so the widths around those that we use are compared with the loaded library once, before anything runs.
 */
import { MicrotuneError, assert } from '@microtune/shared';
import type { BorderSpec } from '../engine.js';
import type { DType } from '../graph-types.js';
import type { Handle, OpenvinoBindings } from './bindings.js';

/**
 * What may stand at the border for a dtype (ov_element_type_e of release 2026.4). A bool may also be declared u8, which
 * is better: OpenVINO casts a boolean input to float in a reference kernel, while a cast from u8 fuses into its reader.
 */
const borderTypes: Readonly<Record<DType, readonly number[]>> = {
  float32: [4],
  int32: [9],
  bool: [1, 16],
};

const bfloat16Type = 2;

/** Type number -> bytes: boolean, bf16, f16, f32, f64, then i8, i16, i32, i64, then u8, u16. */
const expectedBytes: readonly (readonly [number, number])[] = [
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 8],
  [7, 1],
  [8, 2],
  [9, 4],
  [10, 8],
  [16, 1],
  [17, 2],
];

/** @throws MicrotuneError `usage` when the loaded library numbers its element types differently */
export function checkElementTypes(bindings: OpenvinoBindings): void {
  for (const [type, bytes] of expectedBytes) {
    const found = bindings.elementBytes(type);
    if (found === bytes) continue;
    throw new MicrotuneError(
      'usage',
      `OpenVINO ${bindings.version()} numbers its element types differently (type ${String(type)} has ` +
        `${String(found)} bytes, not ${String(bytes)}): use the release that \`microtune setup openvino\` fetches`,
    );
  }
}

/** The type number of an input or output. @throws MicrotuneError `internal` when it is none of the tensor's dtype */
export function borderType(
  bindings: OpenvinoBindings,
  compiled: Handle,
  side: 'input' | 'output',
  { name, dtype, isBfloat16 = false }: BorderSpec,
): number {
  const type = bindings.portElementType(compiled, side, name);
  assert(
    isBfloat16 ? type === bfloat16Type : borderTypes[dtype].includes(type),
    `OpenVINO gave the ${isBfloat16 ? 'bfloat16' : dtype} ${side} "${name}" the type number ${String(type)}`,
  );
  return type;
}

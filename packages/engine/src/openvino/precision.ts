/** Which precisions OpenVINO runs natively on a CPU, from its property OPTIMIZATION_CAPABILITIES. */
import { MicrotuneError } from '@microtune/shared';
import type { Precision } from '../engine.js';

/** The words of the property, e.g. `FP32 INT8 BIN BF16 EXPORT_IMPORT`. */
export function parseCapabilities(property: string): string[] {
  return property.split(/[\s,]+/).filter((word) => word !== '');
}

/** bf16 only where the CPU multiplies it: elsewhere OpenVINO would emulate it, slower than f32. */
export function nativePrecisions(capabilities: readonly string[]): readonly Precision[] {
  return capabilities.includes('BF16') ? ['f32', 'bf16'] : ['f32'];
}

/** @throws MicrotuneError `usage` naming what the CPU would have to offer */
export function requirePrecision(
  precision: Precision,
  device: string,
  capabilities: readonly string[],
): void {
  if (nativePrecisions(capabilities).includes(precision)) return;
  throw new MicrotuneError(
    'usage',
    `${precision} needs a CPU with AVX512_BF16, AVX2_VNNI_2 or AMX_BF16; ${device} offers ` +
      `${capabilities.join(', ')}: leave --bf16 out`,
  );
}

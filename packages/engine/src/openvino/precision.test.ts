import { describe, expect, it } from 'vitest';
import { nativePrecisions, parseCapabilities, requirePrecision } from './precision.js';

const withBf16 = parseCapabilities('FP32 INT8 BIN BF16 EXPORT_IMPORT');
const without = parseCapabilities('FP32 INT8 BIN EXPORT_IMPORT');

describe('precisions of a CPU', () => {
  it('have bf16 only where the CPU does', () => {
    expect(nativePrecisions(withBf16)).toEqual(['f32', 'bf16']);
    expect(nativePrecisions(without)).toEqual(['f32']);
  });

  it('are refused with the name of what is missing', () => {
    expect(() => requirePrecision('bf16', 'Xeon E5', without)).toThrow(
      'bf16 needs a CPU with AVX512_BF16, AVX2_VNNI_2 or AMX_BF16; Xeon E5 offers FP32, INT8, BIN, EXPORT_IMPORT: leave --bf16 out',
    );
    expect(() => requirePrecision('bf16', 'Xeon 6', withBf16)).not.toThrow();
    expect(() => requirePrecision('f32', 'Xeon E5', without)).not.toThrow();
  });
});

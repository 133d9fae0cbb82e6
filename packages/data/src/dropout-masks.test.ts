import { describe, expect, it } from 'vitest';
import { createDropoutMasks } from './dropout-masks.js';

const rowBytes = 4 * 48 * 48;

function maskOf(options: {
  samples: number[];
  rows?: number;
  step?: number;
  site?: string;
  rate?: number;
  seed?: number;
}) {
  const {
    samples,
    rows = samples.length,
    step = 1,
    site = 'layer.0',
    rate = 0.1,
    seed = 42,
  } = options;
  const mask = new Uint8Array(rows * rowBytes);
  const shape = [rows, 4, 48, 48];
  createDropoutMasks({ seed }).fill(mask, { site, rate, shape }, { step, rows, samples });
  return mask;
}

const row = (mask: Uint8Array, index: number): Uint8Array =>
  mask.subarray(index * rowBytes, (index + 1) * rowBytes);
const mean = (bytes: Uint8Array): number =>
  bytes.reduce((sum, byte) => sum + byte, 0) / bytes.length;

/** Correlation of two masks of the same rate. */
function correlation(a: Uint8Array, b: Uint8Array): number {
  const [ma, mb] = [mean(a), mean(b)];
  const covariance =
    a.reduce((sum, byte, i) => sum + (byte - ma) * ((b[i] ?? 0) - mb), 0) / a.length;
  return covariance / Math.sqrt(ma * (1 - ma) * mb * (1 - mb));
}

/** Five standard deviations of the correlation of that many independent values. */
const bound = (count: number): number => 5 / Math.sqrt(count);

describe('createDropoutMasks', () => {
  it('gives a sample the same mask wherever it is placed', () => {
    const alone = maskOf({ samples: [17] });
    expect(row(maskOf({ samples: [3, 17, 99], rows: 5 }), 1)).toEqual(alone);
    expect(row(maskOf({ samples: [17, 3] }), 0)).toEqual(alone);
  });

  it('changes with seed, step, sample and site', () => {
    const base = { samples: [5] };
    const masks = [{}, { seed: 43 }, { step: 2 }, { samples: [6] }, { site: 'layer.1' }].map(
      (change) => maskOf({ ...base, ...change }),
    );
    masks.forEach((a, i) => {
      masks
        .slice(i + 1)
        .forEach((b) => expect(Math.abs(correlation(a, b))).toBeLessThan(bound(rowBytes)));
    });
  });

  it('holds only 0 and 1 and keeps at the rate', () => {
    for (const rate of [0, 0.1, 0.5]) {
      const samples = Array.from({ length: 40 }, (_, i) => i);
      const mask = maskOf({ samples, rate });
      expect(mask.every((byte) => byte <= 1)).toBe(true);
      const deviation = Math.sqrt((rate * (1 - rate)) / mask.length);
      expect(Math.abs(mean(mask) - (1 - rate))).toBeLessThanOrEqual(5 * deviation);
    }
  });

  it('draws neighbouring elements, rows, sites and steps independently', () => {
    const samples = Array.from({ length: 32 }, (_, i) => i);
    const mask = maskOf({ samples });
    expect(Math.abs(correlation(mask.subarray(1), mask.subarray(0, -1)))).toBeLessThan(
      bound(mask.length),
    );
    expect(Math.abs(correlation(mask.subarray(48), mask.subarray(0, -48)))).toBeLessThan(
      bound(mask.length),
    );
    expect(Math.abs(correlation(mask, maskOf({ samples, step: 2 })))).toBeLessThan(
      bound(mask.length),
    );
    expect(Math.abs(correlation(mask, maskOf({ samples, site: 'layer.1' })))).toBeLessThan(
      bound(mask.length),
    );
    // Over many steps an element is kept as often as its rate says: no place is always kept or dropped.
    const keptOf = new Float64Array(rowBytes);
    const steps = 400;
    const masks = createDropoutMasks({ seed: 1 });
    const one = new Uint8Array(rowBytes);
    for (let step = 1; step <= steps; step++) {
      masks.fill(
        one,
        { site: 's', rate: 0.1, shape: [1, rowBytes] },
        { step, rows: 1, samples: [7] },
      );
      one.forEach((byte, i) => (keptOf[i] = (keptOf[i] ?? 0) + byte));
    }
    const variance = keptOf.reduce((sum, kept) => sum + (kept - 0.9 * steps) ** 2, 0) / rowBytes;
    expect(variance / (steps * 0.09)).toBeGreaterThan(0.9);
    expect(variance / (steps * 0.09)).toBeLessThan(1.1);
  });

  it('keeps everything in rows without a sample', () => {
    const mask = maskOf({ samples: [1], rows: 3 });
    expect(mask.subarray(rowBytes).every((byte) => byte === 1)).toBe(true);
  });

  it('continues long rows with independent blocks', () => {
    const long = new Uint8Array(3 * 65_536 + 5);
    createDropoutMasks({ seed: 1 }).fill(
      long,
      { site: 's', rate: 0.1, shape: [1, long.length] },
      { step: 1, rows: 1, samples: [0] },
    );
    const [a, b] = [long.subarray(0, 65_536), long.subarray(65_536, 131_072)];
    expect(Math.abs(correlation(a, b))).toBeLessThan(bound(65_536));
    expect(mean(long)).toBeCloseTo(0.9, 2);
  });

  it('breaks loudly when mask and shape differ', () => {
    const fill = () =>
      createDropoutMasks({ seed: 1 }).fill(
        new Uint8Array(10),
        { site: 's', rate: 0.1, shape: [2, 4] },
        { step: 1, rows: 2, samples: [0] },
      );
    expect(fill).toThrow(/another size than its shape/);
  });
});

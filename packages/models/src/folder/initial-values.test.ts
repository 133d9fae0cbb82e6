import { describe, expect, it } from 'vitest';
import { fillInitial } from './initial-values.js';

function normal(seed: number, name: string, count = 40_000): Float32Array {
  const values = new Float32Array(count);
  fillInitial(values, { kind: 'normal', deviation: 0.02 }, { seed, name, shape: [count] });
  return values;
}

describe('fillInitial', () => {
  it('draws normal numbers', () => {
    const values = normal(42, 'classifier.weight');
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    const beyond = values.filter((value) => Math.abs(value) > 2 * 0.02).length / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.0005);
    expect(Math.sqrt(variance)).toBeCloseTo(0.02, 3);
    expect(beyond).toBeCloseTo(0.0455, 2);
  });

  it('depends on seed and name, and on nothing else', () => {
    expect(normal(1, 'a', 7)).toEqual(normal(1, 'a', 9).subarray(0, 7));
    expect(normal(1, 'a', 8)).not.toEqual(normal(2, 'a', 8));
    expect(normal(1, 'a', 8)).not.toEqual(normal(1, 'b', 8));
    // Kept: another generator would change every head that a seed made.
    expect([...normal(42, 'classifier.weight', 3)]).toMatchInlineSnapshot(`
      [
        -0.00112227164208889,
        0.018302178010344505,
        0.01909131370484829,
      ]
    `);
  });

  it('draws uniform numbers within a bound', () => {
    const values = new Float32Array(40_000);
    const origin = { seed: 1, name: 'a', shape: [values.length] };
    fillInitial(values, { kind: 'uniform', bound: 0.5 }, origin);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + b ** 2, 0) / values.length;
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.5);
    expect(Math.abs(mean)).toBeLessThan(0.005);
    // Of a uniform number within b: b² / 3.
    expect(Math.abs(variance - 0.25 / 3)).toBeLessThan(0.002);
  });

  it('leaves the row of the pad token at zero', () => {
    const values = new Float32Array(12);
    const origin = { seed: 1, name: 'words', shape: [3, 4] };
    fillInitial(values, { kind: 'normal', deviation: 1, zeroRow: 1 }, origin);
    expect([...values].map((value) => value !== 0)).toEqual(
      [0, 1, 2].flatMap((row) => Array(4).fill(row !== 1)),
    );
  });
});

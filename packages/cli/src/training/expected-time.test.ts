import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  expectedSeconds,
  isOf,
  nearestSpeed,
  speedOf,
  type RunSpeed,
  type RunWork,
} from './expected-time.js';
import { rememberSpeed, rememberedSpeeds } from './speed-file.js';

const model = {
  parameterCount: 22_000_000,
  trainedCount: 22_000_000,
  denseCount: 10_000_000,
  layersWidth: 6 * 384,
};
const larger = {
  parameterCount: 109_000_000,
  trainedCount: 109_000_000,
  denseCount: 85_000_000,
  layersWidth: 12 * 768,
};

const measured = {
  steps: 100,
  samples: 3200,
  tokens: 80_000,
  step_ms: { p50: 500, p95: 600 },
  step_parts_ms: { engine: 400, reduce: 20, optimizer: 30, other: 50 },
  first_step_seconds: 4,
  resumed_from: undefined,
};
const speed = speedOf(measured, model) as RunSpeed;
const work: RunWork = { model, steps: 100, tokens: 80_000, evaluatedTokens: 0, rowTokens: 25 };

describe('the expected time of a run', () => {
  it('is that of the run it was measured by', () => {
    expect(expectedSeconds(work, speed)).toBeCloseTo(4 + 100 * 0.5, 9);
  });

  it('grows in proportion to the steps, start-up aside', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 2, max: 50 }), (steps, n) => {
        const of = (count: number): number =>
          expectedSeconds({ ...work, steps: count, tokens: 800 * count }, speed) - 4;
        expect(of(n * steps) / of(steps)).toBeCloseTo(n, 9);
      }),
    );
  });

  it('is longer for more tokens, longer rows, evaluations and a larger model', () => {
    const longer: Partial<RunWork>[] = [
      { tokens: 90_000 },
      { rowTokens: 400 },
      { evaluatedTokens: 3000 },
      { model: larger },
    ];
    for (const more of longer)
      expect(expectedSeconds({ ...work, ...more }, speed)).toBeGreaterThan(54);
    const evaluated = expectedSeconds({ ...work, evaluatedTokens: 80_000 }, speed);
    expect(evaluated).toBeCloseTo(54 + (100 * 0.45) / 3, 9);
  });

  it('is not told by a short or resumed run, nor by a model of quite another size', () => {
    expect(speedOf({ ...measured, steps: 9 }, model)).toBeUndefined();
    expect(speedOf({ ...measured, resumed_from: 'checkpoint-5' }, model)).toBeUndefined();
    const tiny = { parameterCount: 1000, trainedCount: 1000, denseCount: 900, layersWidth: 8 };
    expect(nearestSpeed([{ ...speed, model: tiny }], model)).toBeUndefined();
    expect(nearestSpeed([{ ...speed, model: larger }, speed], model)).toBe(speed);
    expect(nearestSpeed([{ ...speed, model: larger }], model)?.model).toBe(larger);
  });
});

describe('the speeds of a machine', () => {
  const cacheFolder = mkdtempSync(join(tmpdir(), 'microtune-speeds-'));
  afterEach(() => rmSync(cacheFolder, { recursive: true, force: true }));
  const config = {
    engine: 'onnx',
    bf16: false,
    tf32: false,
    workers: 1,
    threadsPerWorker: 2,
    devices: ['cpu'],
  } as const;
  const place = { cacheFolder, config: { ...config, devices: ['cpu' as const] }, card: undefined };

  it('are remembered by engine, precision, device, workers and threads, the last run of each model', () => {
    expect(rememberedSpeeds(place)).toEqual([]);
    rememberSpeed(place, speed);
    rememberSpeed(place, { ...speed, model: larger });
    rememberSpeed(place, { ...speed, startSeconds: 5 });
    expect(rememberedSpeeds(place)).toEqual([
      { ...speed, startSeconds: 5 },
      { ...speed, model: larger },
    ]);
    for (const other of [{ engine: 'xla' as const }, { bf16: true }, { threadsPerWorker: 1 }])
      expect(rememberedSpeeds({ ...place, config: { ...place.config, ...other } })).toEqual([]);
    expect(rememberedSpeeds({ ...place, card: 'NVIDIA H100' })).toEqual([]);
    expect(isOf(model, rememberedSpeeds(place)[0] as RunSpeed)).toBe(true);
  });

  it('are unknown where the file is damaged, and a cache that cannot be written is left alone', () => {
    rememberSpeed(place, speed);
    const [file = ''] = readdirSync(join(cacheFolder, 'speeds'));
    writeFileSync(join(cacheFolder, 'speeds', file), '[{"model":1}]');
    expect(rememberedSpeeds(place)).toEqual([]);
    const nowhere = { ...place, cacheFolder: join(cacheFolder, 'speeds', file) };
    rememberSpeed(nowhere, speed);
    expect(rememberedSpeeds(nowhere)).toEqual([]);
  });
});

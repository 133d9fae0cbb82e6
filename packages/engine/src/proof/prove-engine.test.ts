import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadOnnx } from '../onnx/onnx-engine.js';
import { isEngine } from '../load-engine.js';
import { measureEngine, type Measured } from './measure-engine.js';
import { rememberProof, rememberedProof, threadsToProve } from './proof-file.js';
import { proveEngine, type Proof } from './prove-engine.js';

const forms = ['bf16', 'bf16 short sums', 'bf16 factors'] as const;

describe('proveEngine', () => {
  it('takes the fastest form whose bits do not follow the threads', async () => {
    const asked: string[] = [];
    const measure = async (products: string, threads: number): Promise<Measured> => {
      asked.push(`${products}, ${threads}`);
      return { 'sums.weights': 'a', 'sums.row': 'b' };
    };
    expect(await proveEngine({ forms, threads: [2, 1], measure })).toEqual({
      state: 'proved',
      products: 'bf16',
      given: [],
      threads: [2, 1],
    });
    expect(asked).toEqual(['bf16, 1', 'bf16, 2']);
  });

  it('multiplies long sums by factors where a CPU with bfloat16 splits them among threads', async () => {
    // As measured on a Zen 4: one product of eleven has another hash from two threads on.
    const measure = async (products: string, threads: number): Promise<Measured> => ({
      'sums.weights': products === 'bf16' && threads > 1 ? 'split' : 'whole',
      'sums.row': 'b',
    });
    expect(await proveEngine({ forms, threads: [1, 2], measure })).toMatchObject({
      state: 'proved',
      products: 'bf16 short sums',
      given: ['bf16: sums.weights differs between 1 and 2 threads'],
    });
  });

  it('refuses an engine that has no exact form, and names what differs', async () => {
    const follows = async (_: string, threads: number) => ({ 'sums.row': String(threads) });
    expect(await proveEngine({ forms: ['f32'], threads: [1, 2], measure: follows })).toEqual({
      state: 'refused',
      reason: 'sums.row differs between 1 and 2 threads',
      threads: [1, 2],
    });
    const device = async () => ({ 'device sums': "differ from the host's: 1e-39 + 1e-39 is 0" });
    expect(await proveEngine({ forms: ['f32'], threads: [1], measure: device })).toMatchObject({
      state: 'refused',
      reason: "device sums differ from the host's: 1e-39 + 1e-39 is 0",
    });
  });
});

describe('the proofs of a machine', () => {
  const cacheFolder = mkdtempSync(join(tmpdir(), 'microtune-proofs-'));
  afterEach(() => rmSync(cacheFolder, { recursive: true, force: true }));
  const subject = { engine: 'onnx', precision: 'f32', platform: 'cpu' } as const;
  const proof: Proof = { state: 'proved', products: 'f32', given: [], threads: [1, 2] };

  it('are remembered by engine, precision and kind of device', () => {
    expect(rememberedProof(cacheFolder, subject)).toBeUndefined();
    expect(rememberProof(cacheFolder, subject, proof)).toBe(true);
    expect(rememberedProof(cacheFolder, subject)).toEqual(proof);
    expect(rememberedProof(cacheFolder, { ...subject, engine: 'xla' })).toBeUndefined();
    expect(rememberedProof(cacheFolder, { ...subject, card: 'NVIDIA H200' })).toBeUndefined();
  });

  it('are found out again where the file is damaged, and not kept where none can be written', () => {
    rememberProof(cacheFolder, subject, proof);
    const [file] = readdirSync(join(cacheFolder, 'proofs'));
    for (const text of ['', '{"proof":', '{"subject":{},"proof":{"state":"proved"}}']) {
      writeFileSync(join(cacheFolder, 'proofs', file!), text);
      expect(rememberedProof(cacheFolder, subject)).toBeUndefined();
    }
    expect(rememberProof(join(cacheFolder, 'proofs', file!), subject, proof)).toBe(false);
  });

  it('are about the numbers of threads that engines really use', () => {
    expect(threadsToProve({ engine: 'onnx', platform: 'cpu' }, 8)).toEqual([1, 8]);
    expect(threadsToProve({ engine: 'onnx', platform: 'cpu' }, 1)).toEqual([1]);
    expect(threadsToProve({ engine: 'tensorflow', platform: 'cpu' }, 8)).toEqual([1, 2]);
    expect(threadsToProve({ engine: 'xla', platform: 'cpu' }, 8)).toEqual([1]);
  });
});

describe('measureEngine', () => {
  it(
    'finds the same bits of onnxruntime with 1 and 2 threads, subnormal numbers too',
    { timeout: 60_000 },
    async ({ skip }) => {
      const engine = await loadOnnx();
      if (!isEngine(engine)) throw new Error(engine.reason);
      let measured: Measured = {};
      const measure = async (_: string, threads: number) =>
        (measured = await measureEngine(engine, { threads, precision: 'f32' }));
      const proof = await proveEngine({ forms: ['f32'], threads: [1, 2], measure });
      if (proof.state === 'refused') skip(`this CPU: ${proof.reason}`);
      expect(Object.keys(measured)).toEqual(
        expect.arrayContaining([
          'sums.weights',
          'sums.everything',
          'subnormals.softmax',
          'products by updated factors',
        ]),
      );
    },
  );
});

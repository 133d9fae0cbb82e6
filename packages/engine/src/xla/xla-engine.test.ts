import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// The plugin reads its number of threads there: a stand-in would not reach it.
import { env as environment } from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomNumbers, randomTensor } from '../conformance/random-values.js';
import { hashBuffers } from '../conformance/run-graph.js';
import type { Buffers } from '../conformance/run-graph.js';
import type { Precision } from '../engine.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import type { Graph } from '../graph/graph.js';
import { hostBuffer } from '../graph/shape.js';
import { testXlaPlugin } from '../setup/xla-test-plugin.js';
import { addressOf } from '@microtune/shared/native';
import { loadXla } from './xla-engine.js';
import type { XlaEngine } from './xla-engine.js';

const { plugin, skipReason } = await testXlaPlugin(environment);
const plain = { transposeA: false, transposeB: false, alpha: 1 };

function productGraph(): { graph: Graph; inputs: Buffers } {
  const build = new GraphBuilder();
  const next = randomNumbers(3);
  const inputs: Buffers = {};
  const values = ['a', 'b'].map((name) => {
    inputs[name] = randomTensor({ shape: [8, 8], dtype: 'float32', from: -1, to: 1 }, next);
    return build.input(name, [8, 8], 'float32');
  });
  return { graph: build.finish({ product: build.add('matMul', values, plain) }), inputs };
}

describe('loading XLA', () => {
  it('says what is wrong with a file that is no library', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'microtune-xla-'));
    const file = join(folder, 'plugin.so');
    writeFileSync(file, 'no library at all');
    const loaded = await loadXla({
      plugin: { file, platform: 'cuda' },
      environment,
      cacheFolder: undefined,
    });
    expect(loaded).toMatchObject({
      reason: expect.stringContaining(`cannot load ${file}`) as string,
      remedy: 'microtune setup xla --cuda',
    });
    rmSync(folder, { recursive: true });
  });
});

describe.skipIf(plugin === undefined)(`engine xla (${skipReason ?? 'set up for tests'})`, () => {
  let engine: XlaEngine;

  beforeAll(async () => {
    const loaded = await loadXla({ plugin: plugin!, environment, cacheFolder: undefined });
    if (!('compile' in loaded)) throw new Error(loaded.reason);
    engine = loaded;
  });

  afterAll(() => {
    engine.dispose();
  });

  const compile = (graph: Graph, threads = 1, precision: Precision = 'f32') =>
    engine.compile(graph, { threads, precision });

  it('reads and writes aligned views of one memory in place, and others through copies', async () => {
    const build = new GraphBuilder();
    const x = build.input('x', [32], 'float32');
    const executable = await compile(build.finish({ twice: build.add('add', [x, x], {}) }));
    const memory = new Float32Array(1024);
    const aligned = Number((64n - (addressOf(memory) % 64n)) % 64n) / 4;
    for (const offset of [0, 1, 16]) {
      memory.fill(0);
      const input = memory.subarray(aligned + offset, aligned + offset + 32);
      const output = memory.subarray(aligned + offset + 256, aligned + offset + 288);
      for (let step = 1; step < 4; step++) {
        input.fill(step);
        await executable.run({ x: input }, { twice: output });
        expect(Array.from(output)).toEqual(Array<number>(32).fill(2 * step));
        expect(memory.filter((value) => value === 2 * step)).toHaveLength(32);
      }
    }
    executable.dispose();
  });

  it('leaves JavaScript free while it computes', async () => {
    const build = new GraphBuilder();
    const x = build.input('x', [1024, 1024], 'float32');
    const once = build.add('matMul', [x, x], plain);
    const executable = await compile(build.finish({ y: build.add('matMul', [once, x], plain) }));
    const buffers = [
      hostBuffer([1024, 1024], 'float32'),
      hostBuffer([1024, 1024], 'float32'),
    ] as const;
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await executable.run({ x: buffers[0] }, { y: buffers[1] });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(2);
    executable.dispose();
  });

  it('rounds the operands of products in bf16, and nothing else', async () => {
    const build = new GraphBuilder();
    const [a, b] = [build.input('a', [1, 2], 'float32'), build.input('b', [2, 1], 'float32')];
    const graph = build.finish({
      product: build.add('matMul', [a, b], plain),
      sum: build.add('add', [a, a], {}),
    });
    const executable = await compile(graph, 1, 'bf16');
    const outputs = { product: new Float32Array(1), sum: new Float32Array(2) };
    const fine = 1 + 2 ** -12; // bfloat16 keeps 8 bits
    await executable.run({ a: Float32Array.of(fine, 1), b: Float32Array.of(1, 2 ** -12) }, outputs);
    expect(outputs.product[0]).toBe(1 + 2 ** -12);
    expect(outputs.sum[0]).toBe(2 * fine);
    executable.dispose();
  });

  it('refuses a second run at once and a run after dispose', async () => {
    const { graph, inputs } = productGraph();
    const executable = await compile(graph);
    const outputs = Object.fromEntries(
      graph.outputs.map(({ name, shape, dtype }) => [name, hostBuffer(shape, dtype)]),
    );
    const first = executable.run(inputs, outputs);
    await expect(executable.run(inputs, outputs)).rejects.toThrow('run twice at the same time');
    executable.dispose();
    await first;
    await expect(executable.run(inputs, outputs)).rejects.toThrow('a disposed executable was run');
  });

  it('keeps compiled programs, and compiles anew where an entry is cut short', async () => {
    const cacheFolder = mkdtempSync(join(tmpdir(), 'microtune-xla-cache-'));
    const { graph, inputs } = productGraph();
    const results = [];
    for (const meddle of [false, false, true, false]) {
      if (meddle)
        for (const file of readdirSync(cacheFolder))
          writeFileSync(join(cacheFolder, file), 'cut short');
      const loaded = await loadXla({ plugin: plugin!, environment, cacheFolder });
      if (!('compile' in loaded)) throw new Error(loaded.reason);
      const executable = await loaded.compile(graph, { threads: 1, precision: 'f32' });
      const outputs = Object.fromEntries(
        graph.outputs.map(({ name, shape, dtype }) => [name, hostBuffer(shape, dtype)]),
      );
      await executable.run(inputs, outputs);
      results.push([executable.origin, hashBuffers(outputs)]);
      executable.dispose();
      loaded.dispose();
    }
    const hash = results[0]?.[1];
    expect(results).toEqual([
      ['compiled', hash],
      ['cache', hash],
      ['compiled', hash],
      ['cache', hash],
    ]);
    rmSync(cacheFolder, { recursive: true });
  });
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// TensorFlow reads its settings there while it loads: a stand-in would not reach it.
import { env as environment } from 'node:process';
import { beforeAll, describe, expect, it } from 'vitest';
import { modelCases } from '../conformance/model-cases.js';
import { firstDifference, runGraph } from '../conformance/run-graph.js';
import type { Buffers } from '../conformance/run-graph.js';
import type { Engine, Executable } from '../engine.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import type { Graph } from '../graph/graph.js';
import { hostBuffer } from '../graph/shape.js';
import { optimize } from '../optimize.js';
import { subnormalGraph, sumsGraph } from '../proof/measured-graphs.js';
import { formsOfProducts } from '../proof/proof-file.js';
import { proveEngine } from '../proof/prove-engine.js';
import { loadReference } from '../reference/reference-engine.js';
import { testTensorflow } from '../setup/tensorflow-test-addon.js';
import { loadBinding } from './binding.js';
import { compileGraph } from './compile-graph.js';
import { loadTensorflow } from './engine.js';
import { tensorflowVariables } from './environment.js';
import type { ProductPrecision } from './matmul-lowering.js';
import { toSavedModel } from './to-saved-model.js';

const { addonFile, skipReason } = await testTensorflow();
const reference = await loadReference();
const plain = { transposeA: false, transposeB: false, alpha: 1 };

/** Runs a graph's file in a process with so many threads: folder, inputs as [shape, dtype]; prints a hash. */
const hashScript = `
  const [addonFile, folder, inputs, numOutputs] = process.argv.slice(1);
  const { readFileSync } = require('node:fs');
  const binding = require(addonFile);
  const arrays = { 1: Float32Array, 3: Int32Array, 10: Uint8Array };
  const ids = JSON.parse(inputs).map(([shape, dtype], i) => {
    const bytes = readFileSync(folder + '/' + i);
    return binding.createTensor(shape, dtype, new arrays[dtype](new Uint8Array(bytes).buffer));
  });
  const names = (kind, count) => Array.from({ length: count }, (_, i) => kind + i + ':0').join(',');
  const graph = binding.loadSavedModel(folder, 'serve');
  const hash = require('node:crypto').createHash('sha256');
  const outputs = binding.runSavedModel(graph, ids, names('in', ids.length), names('out', numOutputs));
  for (const { id } of outputs) hash.update(binding.tensorDataSync(id));
  process.stdout.write(hash.digest('hex'));
`;

function hashWithThreads(
  { graph, inputs }: { graph: Graph; inputs: Buffers },
  threads: readonly number[],
  precision: ProductPrecision,
): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'microtune-threads-'));
  try {
    const model = toSavedModel(optimize(graph), { precision, floatsAsInt32: false });
    writeFileSync(join(folder, 'saved_model.pb'), model);
    graph.inputs.forEach(({ name }, i) => {
      writeFileSync(join(folder, String(i)), inputs[name]!);
    });
    const types = { float32: 1, int32: 3, bool: 10 } as const;
    const shapes = JSON.stringify(graph.inputs.map(({ shape, dtype }) => [shape, types[dtype]]));
    const numOutputs = String(graph.outputs.length);
    return threads.map((count) =>
      execFileSync(process.execPath, ['-e', hashScript, addonFile!, folder, shapes, numOutputs], {
        env: tensorflowVariables({ threads: count, platform: 'cpu' }),
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runOnce(executable: Executable, inputs: Buffers): Promise<Buffers> {
  const outputs = Object.fromEntries(
    executable.outputs.map(({ name, shape, dtype }) => [name, hostBuffer(shape, dtype)]),
  );
  await executable.run(inputs, outputs);
  return outputs;
}

/** |actual - expected| / |expected| over all outputs together. */
function relativeError(actual: Buffers, expected: Buffers): number {
  let [error, size] = [0, 0];
  for (const [name, values] of Object.entries(expected)) {
    values.forEach((value: number, at: number) => {
      error += (actual[name]![at]! - value) ** 2;
      size += value ** 2;
    });
  }
  return Math.sqrt(error / size);
}

describe('loading TensorFlow', () => {
  it('says what is wrong with a file that is no addon, and leaves the environment as it was', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'microtune-tensorflow-'));
    const file = join(folder, 'addon.node');
    writeFileSync(file, 'no library at all');
    const variables = { TF_NUM_INTRAOP_THREADS: '9' };
    const loaded = await loadTensorflow({
      addonFile: file,
      platform: 'cpu',
      environment: variables,
      threads: 1,
    });
    expect(loaded).toMatchObject({
      reason: expect.stringContaining('addon.node') as string,
      remedy: 'microtune setup tensorflow',
    });
    expect(variables).toEqual({ TF_NUM_INTRAOP_THREADS: '9' });
    rmSync(folder, { recursive: true });
  });
});

describe.skipIf(addonFile === undefined)(
  `engine tensorflow (${skipReason ?? 'set up for tests'})`,
  () => {
    let engine: Engine;

    beforeAll(async () => {
      const loaded = await loadTensorflow({
        addonFile: addonFile!,
        platform: 'cpu',
        environment,
        threads: 2,
      });
      if (!('compile' in loaded)) throw new Error(loaded.reason);
      engine = loaded;
    });

    it('tells its version and device', () => {
      expect(engine.version).toBe('2.21.0');
      expect(engine.precisions).toEqual(['f32', 'bf16']);
    });

    it.each(Object.entries(modelCases))('trains %s in bf16 near to f32', async (_, { make }) => {
      const { graph, inputs } = make();
      const full = await runGraph(engine, graph, inputs);
      const executable = await engine.compile(graph, { threads: 1, precision: 'bf16' });
      const half = await runOnce(executable, inputs);
      executable.dispose();
      // bfloat16 keeps 8 bits, so each product errs by up to 2^-8 of its size.
      const error = relativeError(half, full);
      expect(error).toBeLessThan(0.02);
      expect(error).toBeGreaterThan(1e-4);
    });

    it.for(['f32', 'bf16'] as const)(
      'gives the same bits in %s with 1 and 2 threads, multiplied as this CPU proves exact',
      { timeout: 120_000 },
      async (precision, { skip }) => {
        const forms = formsOfProducts({ engine: 'tensorflow', precision, platform: 'cpu' });
        const measure = async (products: ProductPrecision, threads: number) => ({
          sums: hashWithThreads(sumsGraph(), [threads], products)[0]!,
          subnormals: hashWithThreads(subnormalGraph(), [threads], products)[0]!,
        });
        const proof = await proveEngine({ forms, threads: [1, 2], measure });
        if (proof.state === 'refused') return skip(`this CPU: ${proof.reason}`);
        for (const model of Object.values(modelCases))
          expect(new Set(hashWithThreads(model.make(), [1, 2], proof.products)).size).toBe(1);
      },
    );

    it('multiplies long sums with few results by factors where that is the exact form', async () => {
      // On a CPU without bfloat16 in hardware the other products are emulated: slow, and the same numbers.
      const build = new GraphBuilder();
      const x = build.input('x', [2048, 8], 'float32');
      const graph = build.finish({
        y: build.add('matMul', [x, x], { ...plain, transposeA: true }),
      });
      const ops = (precision: ProductPrecision) =>
        Buffer.from(toSavedModel(graph, { precision, floatsAsInt32: false })).toString('latin1');
      expect(ops('bf16 short sums')).toBe(ops('bf16 factors'));
      expect(ops('bf16 short sums')).not.toBe(ops('bf16'));
    });

    it('computes large sums and lone rows as the reference does', async () => {
      const { graph, inputs } = sumsGraph();
      const expected = await runGraph(reference, graph, inputs);
      const actual = await runGraph(engine, graph, inputs);
      for (const name of Object.keys(expected)) {
        const pick = (from: Buffers) => ({ [name]: from[name]! });
        // Sums of 20,000 numbers around zero keep fewer of their last bits than the others.
        expect(relativeError(pick(actual), pick(expected)), name).toBeLessThan(5e-6);
      }
    });

    it('feeds floats as int32 with the same result', async () => {
      const { graph, inputs } = modelCases['a transformer block']!.make();
      const binding = loadBinding(addonFile!);
      const [asFloats, asInts] = [false, true].map((floatsAsInt32) =>
        compileGraph(binding, graph, { precision: 'f32', floatsAsInt32 }),
      );
      const expected = await runOnce(asFloats!, inputs);
      expect(firstDifference(await runOnce(asInts!, inputs), expected, 0)).toBeUndefined();
      asFloats!.dispose();
      asInts!.dispose();
    });

    it('adds up equal ids in the form for GPUs as the reference does', async () => {
      const { graph, inputs } = modelCases['a decoder layer']!.make();
      const executable = compileGraph(loadBinding(addonFile!), graph, {
        precision: 'f32',
        floatsAsInt32: true,
        addsInAnyOrder: true,
      });
      const expected = await runGraph(reference, graph, inputs);
      expect(firstDifference(await runOnce(executable, inputs), expected, 4e-5)).toBeUndefined();
      executable.dispose();
    });

    it('reads buffers anew at each run, shared memory and odd offsets too, and keeps no tensor', async () => {
      const build = new GraphBuilder();
      const x = build.input('x', [40], 'float32');
      const executable = await engine.compile(
        build.finish({ y: build.add('neg', [x], {}), same: x }),
        {
          threads: 1,
          precision: 'f32',
        },
      );
      const binding = loadBinding(addonFile!);
      const before = binding.getNumOfTensors();
      const memory = new Float32Array(new SharedArrayBuffer(1024 * 4));
      for (const offset of [0, 1, 16]) {
        const input = memory.subarray(offset, offset + 40);
        const output = memory.subarray(512 + offset, 552 + offset);
        for (let step = 1; step < 4; step++) {
          input.fill(step);
          const same = new Float32Array(40);
          await executable.run({ x: input }, { y: output, same });
          expect(same).toEqual(new Float32Array(40).fill(step));
          expect(Array.from(output)).toEqual(Array<number>(40).fill(-step));
        }
      }
      expect(binding.getNumOfTensors()).toBe(before);
      const sessions = binding.getNumOfSavedModels();
      executable.dispose();
      executable.dispose();
      expect(binding.getNumOfSavedModels()).toBe(sessions - 1);
      await expect(runOnce(executable, { x: new Float32Array(40) })).rejects.toThrow('disposed');
    });

    it('lets timers and sockets have their turn between runs', async () => {
      const build = new GraphBuilder();
      const x = build.input('x', [512, 512], 'float32');
      const graph = build.finish({ y: build.add('matMul', [x, x], plain) });
      const executable = await engine.compile(graph, { threads: 1, precision: 'f32' });
      const [x0, y] = [new Float32Array(512 * 512), new Float32Array(512 * 512)];
      let ticks = 0;
      const timer = setInterval(() => ticks++, 1);
      for (let run = 0; run < 20; run++) await executable.run({ x: x0 }, { y });
      clearInterval(timer);
      executable.dispose();
      expect(ticks).toBeGreaterThan(5);
    });

    it('is of no use after a failed run, which leaks: the process should end', async () => {
      const build = new GraphBuilder();
      const [table, ids] = [build.input('table', [3], 'float32'), build.input('ids', [1], 'int32')];
      const graph = build.finish({ y: build.add('gather', [table, ids], { axis: 0 }) });
      const executable = await engine.compile(graph, { threads: 1, precision: 'f32' });
      const inputs = { table: Float32Array.of(1, 2, 3), ids: Int32Array.of(7) };
      const failure = {
        code: 'transient',
        message: expect.stringMatching(
          /failed to run the graph over table \[3\], ids \[1\]: .*7/,
        ) as string,
      };
      await expect(runOnce(executable, inputs)).rejects.toMatchObject(failure);
      inputs.ids[0] = 1;
      await expect(runOnce(executable, inputs)).rejects.toMatchObject(failure);
      executable.dispose();
    });
  },
);

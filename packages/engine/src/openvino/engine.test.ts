import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, Executable, Precision } from '../engine.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import type { Graph, Value } from '../graph/graph.js';
import { elementCount, hostBuffer } from '../graph/shape.js';
import type { HostBuffer } from '../graph-types.js';
import { testLibraries } from '../setup/test-libraries.js';
import { loadOpenvino } from './engine.js';

const libraries = await testLibraries();
const plain = { transposeA: false, transposeB: false, alpha: 1 };

describe('loading OpenVINO', () => {
  it('says what is wrong with a folder that holds no library, or a broken one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'microtune-openvino-'));
    try {
      expect(await loadOpenvino({ librariesFolder: folder })).toMatchObject({
        reason: `${folder} holds no libopenvino_c.so`,
      });
      writeFileSync(join(folder, 'libopenvino_c.so.1'), 'no library at all');
      expect(await loadOpenvino({ librariesFolder: folder })).toMatchObject({
        reason: expect.stringMatching(/cannot load .*libopenvino_c\.so\.1/) as string,
        remedy: 'microtune setup openvino',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe.skipIf(libraries.librariesFolder === undefined)(
  `OpenVINO (${libraries.skipReason ?? 'set up for tests'})`,
  () => {
    let engine: Engine;

    beforeAll(async () => {
      const loaded = await loadOpenvino({ librariesFolder: libraries.librariesFolder! });
      if ('reason' in loaded) throw new Error(loaded.reason);
      engine = loaded;
    });

    afterAll(() => {
      engine.dispose();
    });

    const compile = (
      graph: Graph,
      threads = 1,
      precision: Precision = 'f32',
    ): Promise<Executable> => engine.compile(graph, { threads, precision });

    it('tells its version, its CPU and the precisions it has', () => {
      expect(engine.version).toMatch(/^2026\.4\.1/);
      expect(engine.device.length).toBeGreaterThan(3);
      expect(engine.precisions).toContain('f32');
    });

    it('reads and writes views of one large buffer in place, and sees new contents of the same buffer', async () => {
      const builder = new GraphBuilder();
      const x = builder.input('x', [2, 3], 'float32');
      const executable = await compile(builder.finish({ twice: builder.add('add', [x, x], {}) }));
      const arena = new Float32Array(64);
      const [input, output] = [arena.subarray(16, 22), arena.subarray(32, 38)];
      input.set([1, 2, 3, 4, 5, 6]);
      await executable.run({ x: input }, { twice: output });
      expect(Array.from(arena.subarray(31, 39))).toEqual([0, 2, 4, 6, 8, 10, 12, 0]);
      input[0] = 100;
      await executable.run({ x: input }, { twice: output });
      expect(output[0]).toBe(200);
      const elsewhere = new Float32Array(6);
      await executable.run({ x: Float32Array.of(9, 9, 9, 9, 9, 9) }, { twice: elsewhere });
      expect(Array.from(elsewhere)).toEqual([18, 18, 18, 18, 18, 18]);
      expect(output[0]).toBe(200);
      executable.dispose();
    });

    it('reads an input given as bfloat16 as the same numbers in float32: products both ways, rows of a table, sums', async () => {
      const builder = new GraphBuilder();
      const w = builder.input('w', [24, 16], 'float32');
      const a = builder.input('a', [8, 16], 'float32');
      const b = builder.input('b', [8, 24], 'float32');
      const ids = builder.input('ids', [3], 'int32');
      const graph = builder.finish({
        turned: builder.add('matMul', [a, w], { ...plain, transposeB: true }),
        plain: builder.add('matMul', [b, w], plain),
        rows: builder.add('gather', [w, ids], { axis: 0 }),
        sum: builder.add('reduceSum', [w], { axes: [0], keepDims: false }),
      });
      const bits = Uint16Array.from({ length: 24 * 16 }, (_, i) => 0x3c00 + ((i * 97) % 1024));
      const wide = new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
      const results: Record<string, HostBuffer>[] = [];
      for (const bfloat16Inputs of [[], ['w', 'not of this graph']]) {
        const options = { threads: 1, precision: 'f32', bfloat16Inputs } as const;
        const executable = await engine.compile(graph, options);
        const { inputs, outputs } = filled(executable);
        inputs['ids'] = Int32Array.of(23, 0, 7);
        inputs['w'] = bfloat16Inputs.length === 0 ? wide : new Uint8Array(bits.buffer);
        await executable.run(inputs, outputs);
        results.push(outputs);
        const wrong = { ...inputs, w: bfloat16Inputs.length === 0 ? new Uint8Array(768) : wide };
        await expect(executable.run(wrong, outputs)).rejects.toThrow(/was given for .* of "w"/);
        executable.dispose();
      }
      const [full, halved] = results;
      expect(halved!['rows']).toEqual(full!['rows']);
      expect(Array.from(full!['rows']!.subarray(16, 32))).toEqual(Array.from(wide.subarray(0, 16)));
      for (const name of ['turned', 'plain', 'sum']) {
        halved![name]!.forEach((value, i) => expect(value).toBeCloseTo(full![name]![i]!, 5));
      }
    });

    it('passes scalars, int32 and bool across the border, and an input straight to an output', async () => {
      const builder = new GraphBuilder();
      const scalar = builder.input('scalar', [], 'float32');
      const ids = builder.input('ids', [3], 'int32');
      const flags = builder.input('flags', [3], 'bool');
      const doubled = builder.add('add', [ids, ids], {});
      const executable = await compile(
        builder.finish({
          negative: builder.add('neg', [scalar], {}),
          doubled,
          doubledAgain: doubled,
          same: ids,
          unset: builder.add('logicalNot', [flags], {}),
          numbers: builder.add('cast', [flags], { dtype: 'float32' }),
        }),
      );
      const outputs = {
        negative: new Float32Array(1),
        doubled: new Int32Array(3),
        doubledAgain: new Int32Array(3),
        same: new Int32Array(3),
        unset: new Uint8Array(3),
        numbers: new Float32Array(3),
      };
      const inputs = {
        scalar: Float32Array.of(1.5),
        ids: Int32Array.of(-1, 2 ** 30 - 1, 7),
        flags: Uint8Array.of(1, 0, 1),
      };
      await executable.run(inputs, outputs);
      expect(outputs).toEqual({
        negative: Float32Array.of(-1.5),
        doubled: Int32Array.of(-2, 2 ** 31 - 2, 14),
        doubledAgain: Int32Array.of(-2, 2 ** 31 - 2, 14),
        same: inputs.ids,
        unset: Uint8Array.of(0, 1, 0),
        numbers: Float32Array.of(1, 0, 1),
      });
      executable.dispose();
    });

    it('gives the same bits from a graph compiled before', async () => {
      const graph = layeredGraph(32, 48);
      const hashes: string[] = [];
      for (let compilation = 0; compilation < 2; compilation++) {
        const executable = await compile(graph, 2);
        const { inputs, outputs } = filled(executable);
        await executable.run(inputs, outputs);
        hashes.push(hashOf(outputs));
        executable.dispose();
      }
      expect(hashes[1]).toBe(hashes[0]);
      expect(readdirSync(join(libraries.librariesFolder ?? '', 'compiled')).length).toBeGreaterThan(
        0,
      );
    });

    it('runs executables of an engine that was disposed of', async () => {
      const other = await loadOpenvino({ librariesFolder: libraries.librariesFolder! });
      if ('reason' in other) throw new Error(other.reason);
      const executable = await other.compile(layeredGraph(8, 8), { threads: 1, precision: 'f32' });
      other.dispose();
      const { inputs, outputs } = filled(executable);
      await executable.run(inputs, outputs);
      expect(outputs['y']?.some((value) => value !== 0)).toBe(true);
      executable.dispose();
    });

    it('runs a graph whose elementwise chains OpenVINO cannot fuse', async () => {
      const executable = await compile(embeddingGraph());
      const { inputs, outputs } = filled(executable);
      await executable.run(inputs, outputs);
      const [x, w, positions] = ['x', 'w', 'positions'].map((name) => inputs[name] ?? []);
      const sum = (row: number, column: number): number =>
        (x?.[row * 16 + column] ?? NaN) +
        [0, 1].reduce(
          (total, k) => total + (x?.[row * 16 + k] ?? NaN) * (w?.[k * 16 + column] ?? NaN),
          0,
        ) +
        (positions?.[(row % 4) * 16 + column] ?? NaN);
      const mean =
        Array.from({ length: 16 }, (_, column) => sum(5, column)).reduce((a, b) => a + b) / 16;
      expect(outputs['centered']?.[5 * 16 + 3]).toBeCloseTo(sum(5, 3) - mean, 5);
      executable.dispose();
    });

    it('leaves JavaScript free while it compiles and runs', async () => {
      let ticks = 0;
      const timer = setInterval(() => ticks++, 1);
      const executable = await compile(layeredGraph(256, 512));
      const whileCompiling = ticks;
      const buffers = filled(executable);
      for (let run = 0; run < 5; run++) await executable.run(buffers.inputs, buffers.outputs);
      clearInterval(timer);
      expect(whileCompiling).toBeGreaterThan(2);
      expect(ticks - whileCompiling).toBeGreaterThan(2);
      executable.dispose();
    });

    it('gives the same bits for any number of threads, run after run', async () => {
      for (const precision of engine.precisions) {
        const hashes = new Set<string>();
        for (const threads of [1, 2, 1]) {
          const executable = await compile(layeredGraph(64, 96), threads, precision);
          const buffers = filled(executable);
          for (let run = 0; run < 3; run++) {
            await executable.run(buffers.inputs, buffers.outputs);
            hashes.add(hashOf(buffers.outputs));
          }
          executable.dispose();
        }
        expect([precision, hashes.size]).toEqual([precision, 1]);
      }
    });

    it('computes products in bfloat16 when asked, where the CPU can', async ({ skip }) => {
      if (!engine.precisions.includes('bf16')) skip('this CPU has no bfloat16');
      const results: HostBuffer[] = [];
      for (const precision of engine.precisions) {
        const executable = await compile(layeredGraph(64, 96), 1, precision);
        const { inputs, outputs } = filled(executable);
        await executable.run(inputs, outputs);
        results.push(outputs['y'] ?? new Float32Array());
        executable.dispose();
      }
      const [exact, rounded] = results.map((values) => Array.from(values));
      const worst = Math.max(
        ...(exact ?? []).map((value, at) => Math.abs(value - (rounded?.[at] ?? NaN))),
      );
      expect(worst).toBeGreaterThan(1e-5);
      expect(worst).toBeLessThan(0.1);
    });

    it('refuses missing and wrong buffers by name', async () => {
      const builder = new GraphBuilder();
      const x = builder.input('x', [2], 'float32');
      const executable = await compile(builder.finish({ y: builder.add('neg', [x], {}) }));
      const y = new Float32Array(2);
      await expect(executable.run({}, { y })).rejects.toThrow(
        'no buffer was given for float32 [2] of "x"',
      );
      await expect(executable.run({ x: y }, {})).rejects.toThrow('of "y"');
      await expect(executable.run({ x: new Float32Array(3) }, { y })).rejects.toThrow(
        'a Float32Array of 3 values was given for float32 [2] of "x"',
      );
      await expect(executable.run({ x: new Int32Array(2) }, { y })).rejects.toThrow('a Int32Array');
      await executable.run({ x: Float32Array.of(1, 2) }, { y });
      expect(Array.from(y)).toEqual([-1, -2]);
      executable.dispose();
    });

    it('refuses a second run at the same time, and any run after it was disposed of', async () => {
      const executable = await compile(layeredGraph(256, 512));
      const { inputs, outputs } = filled(executable);
      const first = executable.run(inputs, outputs);
      await expect(executable.run(inputs, outputs)).rejects.toThrow('twice at the same time');
      executable.dispose();
      await first;
      executable.dispose();
      await expect(executable.run(inputs, outputs)).rejects.toThrow('disposed');
    });

    it('runs two executables at the same time', async () => {
      const [one, two] = [await compile(layeredGraph(64, 96)), await compile(layeredGraph(64, 96))];
      const buffers = [filled(one), filled(two)] as const;
      await Promise.all([
        one.run(buffers[0].inputs, buffers[0].outputs),
        two.run(buffers[1].inputs, buffers[1].outputs),
      ]);
      expect(hashOf(buffers[0].outputs)).toBe(hashOf(buffers[1].outputs));
      one.dispose();
      two.dispose();
    });
  },
);

/** Products, a softmax, a layer norm and sums over many rows: the ops whose order of summation could depend on threads. */
function layeredGraph(rows: number, width: number): Graph {
  const builder = new GraphBuilder();
  const x = builder.input('x', [rows, width], 'float32');
  const w = builder.input('w', [width, width], 'float32');
  const gamma = builder.input('gamma', [width], 'float32');
  const h = builder.add('matMul', [x, w], plain);
  const attention = builder.add(
    'softmax',
    [builder.add('matMul', [h, h], { ...plain, transposeB: true })],
    {},
  );
  const mixed = builder.add('matMul', [attention, x], plain);
  const [y] = builder.addMany('layerNorm', [mixed, gamma, gamma], { epsilon: 1e-12 });
  if (y === undefined) throw new Error('layerNorm has no output');
  const dw = builder.add('matMul', [x, y], { ...plain, transposeA: true });
  const bias = builder.add('reduceSum', [y], { axes: [0], keepDims: false });
  const total = builder.add('reduceSum', [builder.add('mul', [h, h], {})], {
    axes: [0, 1],
    keepDims: false,
  });
  return builder.finish({ y, dw, bias, total });
}

/** What the embeddings of BERT were like when OpenVINO 2026.4.1 failed on them. Rows [8, 16] as 2 x 4 tokens. */
function embeddingGraph(): Graph {
  const builder = new GraphBuilder();
  const x = builder.input('x', [8, 16], 'float32');
  const w = builder.input('w', [2, 16], 'float32');
  const positions = builder.input('positions', [4, 16], 'float32');
  const reshape = (value: Value, ...shape: number[]) => builder.add('reshape', [value], { shape });
  const kinds = builder.add('slice', [x], { begin: [0, 0], size: [8, 2], strides: [1, 1] });
  const types = reshape(builder.add('matMul', [kinds, w], plain), 2, 4, 16);
  const summed = builder.add('add', [reshape(x, 2, 4, 16), types], {});
  const e = reshape(builder.add('add', [summed, reshape(positions, 1, 4, 16)], {}), 8, 16);
  const mean = builder.add('reduceMean', [e], { axes: [1], keepDims: true });
  return builder.finish({ centered: builder.add('sub', [e, mean], {}) });
}

/** Inputs of small numbers, the same each time, and zeroed outputs. */
function filled({ inputs, outputs }: Executable) {
  const buffers = {
    inputs: {} as Record<string, HostBuffer>,
    outputs: {} as Record<string, HostBuffer>,
  };
  for (const { name, shape } of inputs) {
    buffers.inputs[name] = Float32Array.from(
      { length: elementCount(shape) },
      (_, at) => ((at * 2654435761) % 1000) / 1000 - 0.5,
    );
  }
  for (const { name, shape, dtype } of outputs) buffers.outputs[name] = hostBuffer(shape, dtype);
  return buffers;
}

function hashOf(buffers: Record<string, HostBuffer>): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(buffers).sort()) hash.update(buffers[name] ?? new Uint8Array());
  return hash.digest('hex');
}

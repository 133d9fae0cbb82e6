import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { modelCases } from '../conformance/model-cases.js';
import { firstDifference, runGraph } from '../conformance/run-graph.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import { hashGraph } from '../graph/hash-graph.js';
import { opHistogram, printGraph } from '../graph/print-graph.js';
import { verifyGraph } from '../graph/verify-graph.js';
import { embedding } from '../ops/embedding.js';
import { defaultPasses, optimize } from '../optimize.js';
import { loadReference } from '../reference/reference-engine.js';
import { trace } from '../tracer/trace.js';
import { rowsOnHost } from './rows-on-host.js';

const reference = await loadReference();
const matMul = { transposeA: false, transposeB: false, alpha: 1 };

describe('the default passes', () => {
  it.each(Object.entries(modelCases))('keep what %s computes', async (_, { make }) => {
    const { graph, inputs } = make();
    const optimized = optimize(graph);
    verifyGraph(optimized);
    expect(optimized.nodes.length).toBeLessThan(graph.nodes.length);
    const difference = firstDifference(
      await runGraph(reference, optimized, inputs),
      await runGraph(reference, graph, inputs),
      1e-5,
    );
    expect(difference).toBeUndefined();
  });

  it.each(Object.entries(modelCases))('find nothing more the second time in %s', (_, { make }) => {
    const once = optimize(make().graph);
    expect(hashGraph(optimize(once))).toBe(hashGraph(once));
  });

  it('never change the graph they are given', () => {
    const { graph } = modelCases['a transformer block']!.make();
    const before = hashGraph(graph);
    for (const pass of defaultPasses) pass.run(graph);
    expect(hashGraph(graph)).toBe(before);
  });

  it('leave of a linear layer, forward and backward, three products and a sum', () => {
    const graph = trace(({ input }) => {
      const x = input('x', [8, 4], 'float32');
      const dy = input('dy', [8, 3], 'float32');
      const inputs = [x, input('w', [3, 4], 'float32'), input('b', [3], 'float32')];
      const layer = (v: tf.Tensor, w: tf.Tensor, b: tf.Tensor) =>
        tf.sum(tf.mul(tf.add(tf.matMul(v, w, false, true), b), dy));
      const { value, grads } = tf.valueAndGrads(layer as never)(inputs);
      return { value, dx: grads[0]!, dw: grads[1]!, db: grads[2]! };
    });
    expect(opHistogram(optimize(graph))).toEqual({ matMul: 3, mul: 1, reduceSum: 2 });
  });

  it('fold transposes, factors and a bias into a product, and a shared batch into its rows', () => {
    const build = new GraphBuilder();
    const a = build.input('a', [2, 5, 4], 'float32');
    const b = build.input('b', [3, 4], 'float32');
    const bias = build.input('bias', [3], 'float32');
    const half = build.add('mul', [a, build.splat([], 'float32', 0.5)], {});
    const product = build.add(
      'matMul',
      [half, build.add('transpose', [b], { perm: [1, 0] })],
      matMul,
    );
    const doubled = build.add('mul', [product, build.splat([2, 5, 3], 'float32', 4)], {});
    const graph = build.finish({ y: build.add('add', [doubled, bias], {}) });
    expect(printGraph(optimize(graph))).toBe(
      `input %a: float32[2, 5, 4]
input %b: float32[3, 4]
input %bias: float32[3]
v0: float32[10, 4] = reshape(%a)
v1: float32[10, 3] = matMul(v0, %b, %bias) alpha=2 transposeA=false transposeB=true
v2: float32[2, 5, 3] = reshape(v1)
output y = v2`,
    );
  });

  it('never materialise a fill', () => {
    const build = new GraphBuilder();
    const x = build.input('x', [100, 100], 'float32');
    const ones = build.splat([100, 100], 'float32', 1);
    const tripled = build.add(
      'add',
      [build.add('transpose', [ones], { perm: [1, 0] }), build.splat([1, 100], 'float32', 2)],
      {},
    );
    const graph = build.finish({
      y: build.add('mul', [tripled, build.add('mul', [x, ones], {})], {}),
    });
    expect(printGraph(optimize(graph))).toBe(
      `input %x: float32[100, 100]
v0: float32[] = splat() value=3
v1: float32[100, 100] = mul(%x, v0)
output y = v1`,
    );
  });

  it('do not take a product apart that something else reads', () => {
    const build = new GraphBuilder();
    const a = build.input('a', [2, 2], 'float32');
    const bias = build.input('bias', [2], 'float32');
    const product = build.add('matMul', [a, a], matMul);
    const graph = optimize(build.finish({ product, y: build.add('add', [product, bias], {}) }));
    expect(opHistogram(graph)).toEqual({ matMul: 1, add: 1 });
  });
});

describe('rowsOnHost', () => {
  const traced = () =>
    trace(({ input }) => {
      const table = input('table', [50, 4], 'float32');
      const ids = input('ids', [6], 'int32');
      const scale = input('scale', [4], 'float32');
      const loss = (t: tf.Tensor, s: tf.Tensor) => tf.sum(tf.square(tf.mul(embedding(t, ids), s)));
      const { value, grads } = tf.valueAndGrads(loss)([table, scale]);
      return { loss: value, 'gradient/table': grads[0]!, 'gradient/scale': grads[1]! };
    });

  it('feeds rows and gives their gradients instead of table, gather and scatter', async () => {
    const graph = traced();
    const onHost = optimize(graph, [rowsOnHost({ tables: ['table'] }), ...defaultPasses]);
    verifyGraph(onHost);
    expect(onHost.hostRows).toEqual([
      {
        table: 'table',
        tableShape: [50, 4],
        ids: 'ids',
        rowsInput: 'rows/table',
        gradientOutput: 'gradient/table',
      },
    ]);
    expect(onHost.inputs.map(({ name }) => name)).toEqual(['scale', 'rows/table']);
    expect(opHistogram(onHost)).not.toHaveProperty('gather');
    expect(opHistogram(onHost)).not.toHaveProperty('segmentSum');

    const table = Float32Array.from({ length: 200 }, (_, i) => Math.sin(i));
    const ids = Int32Array.of(3, 49, 3, 0, 7, 3);
    const scale = Float32Array.of(1, -2, 0.5, 3);
    const dense = await runGraph(reference, graph, { table, ids, scale });
    const rows = Float32Array.from(
      { length: 24 },
      (_, i) => table[ids[Math.floor(i / 4)]! * 4 + (i % 4)]!,
    );
    const sparse = await runGraph(reference, onHost, { 'rows/table': rows, scale });
    expect(sparse['loss']).toEqual(dense['loss']);
    const summed = new Float32Array(200);
    ids.forEach((id, row) => {
      for (let i = 0; i < 4; i++) summed[id * 4 + i]! += sparse['gradient/table']![row * 4 + i]!;
    });
    expect(summed).toEqual(dense['gradient/table']);
  });

  it('keeps ids that something else reads', () => {
    const graph = trace(({ input }) => {
      const ids = input('ids', [2, 3], 'int32');
      const rows = embedding(input('table', [50, 4], 'float32'), tf.reshape(ids, [6]));
      return { y: tf.mul(tf.reshape(rows, [2, 3, 4]), tf.expandDims(tf.cast(ids, 'float32'), 2)) };
    });
    const onHost = optimize(graph, [rowsOnHost({ tables: ['table'] })]);
    expect(onHost.inputs.map(({ name }) => name)).toEqual(['ids', 'rows/table']);
    expect(onHost.hostRows[0]).toMatchObject({ ids: 'ids', gradientOutput: undefined });
  });

  it('refuses a table that is none, that is read otherwise, or whose ids are computed', () => {
    const refuse = (tables: string[], graph = traced()) =>
      optimize(graph, [rowsOnHost({ tables })]);
    expect(() => refuse(['nothing'])).toThrow('"nothing": the graph has no such input');
    const tied = trace(({ input }) => {
      const table = input('table', [50, 4], 'float32');
      return { y: tf.matMul(embedding(table, input('ids', [6], 'int32')), table, false, true) };
    });
    expect(() => refuse(['table'], tied)).toThrow('read by one embedding() and nothing else');
    const computed = trace(({ input }) => ({
      y: embedding(
        input('table', [50, 4], 'float32'),
        tf.add(input('ids', [6], 'int32'), tf.scalar(1, 'int32')),
      ),
    }));
    expect(() => refuse(['table'], computed)).toThrow('its ids must be a graph input');
  });
});

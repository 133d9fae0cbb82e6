import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { runGraph } from '../conformance/run-graph.js';
import { printGraph } from '../graph/print-graph.js';
import { verifyGraph } from '../graph/verify-graph.js';
import { loadReference } from '../reference/reference-engine.js';
import { trace } from './trace.js';

const reference = await loadReference();

describe('trace', () => {
  it('records forward and backward as one graph', () => {
    const graph = trace(({ input }) => {
      const x = input('x', [2, 3], 'float32');
      const w = input('w', [3], 'float32');
      const { value, grad } = tf.valueAndGrad((v: tf.Tensor) => tf.sum(tf.exp(tf.mul(x, v))))(w);
      return { value, grad };
    });
    verifyGraph(graph);
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "input %x: float32[2, 3]
      input %w: float32[3]
      v0: float32[2, 3] = mul(%x, %w)
      v1: float32[2, 3] = exp(v0)
      v2: float32[] = reduceSum(v1) axes=[0, 1] keepDims=false
      v3: float32[] = splat() value=1
      v4: float32[1, 1] = reshape(v3)
      v5: float32[2, 3] = broadcast(v4)
      v6: float32[2, 3] = mul(v5, v1)
      v7: float32[2, 3] = mul(v6, %x)
      v8: float32[3] = reduceSum(v7) axes=[0] keepDims=false
      output value = v2
      output grad = v8"
    `);
  });

  it('makes constants of captured tensors and of numbers, splats where all values are one', async () => {
    const captured = tf.tensor1d([1, 2, 3]);
    const graph = trace(({ input }) => ({
      y: tf.add(tf.mul(input('x', [3], 'float32'), captured), tf.ones([3])),
    }));
    expect(printGraph(graph)).toContain('constant() data=<1, 2, 3>');
    expect(printGraph(graph)).toContain('splat() value=1');
    const { y } = await runGraph(reference, graph, { x: Float32Array.of(1, 1, 1) });
    expect(Array.from(y!)).toEqual([2, 3, 4]);
    expect(Array.from(captured.dataSync())).toEqual([1, 2, 3]);
  });

  it('leaves tfjs as it was: backend, memory, also when the function throws', () => {
    const before = { backend: tf.getBackend(), tensors: tf.memory().numTensors };
    trace(({ input }) => ({ y: tf.square(input('x', [2], 'float32')) }));
    expect(() =>
      trace(({ input }) => {
        tf.grad((x: tf.Tensor) => {
          throw new Error(`mine, for ${x.shape}`);
        })(input('x', [2], 'float32'));
        return {};
      }),
    ).toThrow('mine, for 2');
    expect({ backend: tf.getBackend(), tensors: tf.memory().numTensors }).toEqual(before);
    expect(Array.from(tf.tidy(() => tf.square(tf.tensor1d([3])).dataSync()))).toEqual([9]);
    const again = trace(({ input }) => ({ y: tf.neg(input('x', [2], 'float32')) }));
    expect(again.nodes).toHaveLength(1);
  });

  it('names the kernel it cannot record, and what it can', () => {
    const run = () => trace(({ input }) => ({ y: tf.topk(input('x', [4], 'float32')).values }));
    expect(run).toThrow(/the tfjs kernel TopK cannot be traced; kernels that can: .*BatchMatMul.*/);
    expect(run).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('says that a traced tensor has no values to read', () => {
    const run = () =>
      trace(({ input }) => {
        const x = input('x', [4], 'float32');
        return { y: x.dataSync()[0]! > 0 ? x : tf.neg(x) };
      });
    expect(run).toThrow(/read the values of a tensor.*make it an output/);
  });

  it('refuses a trace inside a trace, and a tensor of an earlier one', () => {
    let leaked: tf.Tensor | undefined;
    trace(({ input }) => {
      leaked = tf.keep(tf.neg(input('x', [2], 'float32')));
      return { y: leaked };
    });
    expect(() => trace(() => ({ y: tf.neg(leaked!) }))).toThrow('a tensor of an earlier trace');
    expect(() =>
      trace(({ input }) => {
        trace((inner) => ({ y: inner.input('x', [1], 'float32') }));
        return { y: input('x', [1], 'float32') };
      }),
    ).toThrow('trace() was called inside a traced function');
  });

  it('records composed kernels right where their parts are delicate', async () => {
    const x = Float32Array.of(-3, -1e-4, 0, 1e-4, 0.3, 4);
    const graph = trace(({ input }) => {
      const value = input('x', [6], 'float32');
      return {
        expm1: tf.expm1(value),
        log1p: tf.log1p(tf.abs(value)),
        mod: tf.mod(value, 2),
        finite: tf.isFinite(tf.div(value, 0)),
        oneHot: tf.oneHot(tf.cast(value, 'int32'), 5),
        any: tf.any(tf.greater(value, 3)),
        reversed: tf.reverse(value),
        strided: tf.stridedSlice(value, [-1], [0], [-2]),
      };
    });
    const y = await runGraph(reference, graph, { x });
    const expected = {
      expm1: x.map(Math.expm1),
      log1p: x.map((v) => Math.log1p(Math.abs(v))),
      mod: x.map((v) => ((v % 2) + 2) % 2),
      reversed: x.toReversed(),
      strided: Float32Array.of(4, 1e-4, -1e-4),
    };
    for (const [name, values] of Object.entries(expected)) {
      values.forEach((value, i) => {
        expect(Math.abs(y[name]![i]! - value), `${name}[${i}]`).toBeLessThanOrEqual(
          1e-6 * Math.abs(value),
        );
      });
    }
    expect(Array.from(y['finite']!)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(Array.from(y['oneHot']!).flatMap((hit, i) => (hit === 1 ? [i] : []))).toEqual([
      5, 10, 15, 20, 29,
    ]);
    expect(Array.from(y['any']!)).toEqual([1]);
  });
});

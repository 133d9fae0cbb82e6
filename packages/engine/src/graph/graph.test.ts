import { describe, expect, it } from 'vitest';
import { GraphBuilder } from './graph-builder.js';
import type { Graph } from './graph.js';
import { hashGraph } from './hash-graph.js';
import { opHistogram, printGraph } from './print-graph.js';
import { verifyGraph } from './verify-graph.js';

function example(perm = [1, 0], value = 2): Graph {
  const build = new GraphBuilder();
  const x = build.input('x', [2, 3], 'float32');
  const turned = build.add('transpose', [x], { perm });
  const scaled = build.add('mul', [turned, build.splat([], 'float32', value)], {});
  build.add('exp', [scaled], {}); // dead
  return build.finish({
    y: scaled,
    sum: build.add('reduceSum', [scaled], { axes: [0], keepDims: false }),
  });
}

describe('a graph', () => {
  it('prints what it does, without what nobody reads', () => {
    expect(printGraph(example())).toBe(
      `input %x: float32[2, 3]
v0: float32[3, 2] = transpose(%x) perm=[1, 0]
v1: float32[] = splat() value=2
v2: float32[3, 2] = mul(v0, v1)
v3: float32[2] = reduceSum(v2) axes=[0] keepDims=false
output y = v2
output sum = v3`,
    );
    expect(opHistogram(example())).toEqual({ transpose: 1, splat: 1, mul: 1, reduceSum: 1 });
  });

  it('hashes by structure: the same for another build, another for other attributes, names or bits', () => {
    const hash = hashGraph(example());
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(hashGraph(example())).toBe(hash);
    expect(hashGraph(example([1, 0], 3))).not.toBe(hash);
    expect(hashGraph(example([1, 0], 0))).not.toBe(hashGraph(example([1, 0], -0)));
    expect(hashGraph(example([1, 0], NaN))).not.toBe(hashGraph(example([1, 0], Infinity)));
    const constant = (data: Float32Array) => {
      const build = new GraphBuilder();
      return hashGraph(
        build.finish({ c: build.add('constant', [], { shape: [2], dtype: 'float32', data }) }),
      );
    };
    expect(constant(Float32Array.of(1, 2))).not.toBe(constant(Float32Array.of(1, 3)));
  });

  it('verifies', () => {
    expect(() => verifyGraph(example())).not.toThrow();
  });

  it('is refused when it is broken', () => {
    const graph = example();
    const backwards = { ...graph, nodes: graph.nodes.toReversed() };
    expect(() => verifyGraph(backwards)).toThrow('internal: node 0 (reduceSum) reads a value');
    const renamed = {
      ...graph,
      outputs: graph.outputs.map((output) => ({ ...output, name: 'y' })),
    };
    expect(() => verifyGraph(renamed)).toThrow('called "y"');
    const reshaped = {
      ...graph,
      outputs: graph.outputs.map((output) => ({ ...output, shape: [7] })),
    };
    expect(() => verifyGraph(reshaped)).toThrow('differ in shape or dtype');
  });
});

describe('building a graph', () => {
  it('names the op, its inputs and the expectation when a node means nothing', () => {
    const build = new GraphBuilder();
    const x = build.input('x', [2, 3], 'float32');
    const ids = build.input('ids', [4], 'int32');
    expect(() => build.add('add', [x, ids], {})).toThrow(
      'add(float32[2, 3], int32[4]): expected float32, got int32',
    );
    expect(() =>
      build.add('matMul', [x, x], { transposeA: false, transposeB: false, alpha: 1 }),
    ).toThrow('inner extents 3 and 2 differ');
    expect(() => build.add('transpose', [x], { perm: [0, 0] })).toThrow('no permutation of 2 axes');
    expect(() => build.add('reshape', [x], { shape: [4] })).toThrow('[2, 3] has no shape [4]');
    expect(() => build.add('slice', [x], { begin: [0, 2], size: [1, 2], strides: [1, 1] })).toThrow(
      'leave [2, 3]',
    );
  });

  it('refuses a name twice, an output named as an input, and no output', () => {
    const build = new GraphBuilder();
    const x = build.input('x', [2], 'float32');
    expect(() => build.input('x', [2], 'float32')).toThrow('"x" is declared twice');
    expect(() => build.finish({ x })).toThrow('"x" is the name of an input and of an output');
    expect(() => build.finish({})).toThrow('at least one output');
  });
});

import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../conformance/random-values.js';
import { firstDifference, runGraph } from '../conformance/run-graph.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import type { Graph, GraphNode } from '../graph/graph.js';
import { verifyGraph } from '../graph/verify-graph.js';
import { defaultPasses, optimize } from '../optimize.js';
import { loadReference } from '../reference/reference-engine.js';
import { segmentsInOrder } from './segments-in-order.js';

const reference = await loadReference();
const numSegments = 40;

function sums(shape: readonly number[]): Graph {
  const build = new GraphBuilder();
  const x = build.input('x', shape, 'float32');
  const ids = build.input('ids', [shape[0]!], 'int32');
  return build.finish({ y: build.add('segmentSum', [x, ids], { numSegments }) });
}

function inputsOf(shape: readonly number[]) {
  const next = randomNumbers(3);
  const count = shape.reduce((product, extent) => product * extent, 1);
  return {
    x: Float32Array.from({ length: count }, () => 2 * next() - 1),
    ids: Int32Array.from({ length: shape[0]! }, () => Math.floor(next() * 7) * 5),
  };
}

describe('segmentsInOrder', () => {
  it.each([[[30, 4]], [[33, 2, 3]], [[17]], [[2, 3]], [[1, 3]], [[1500, 2]]])(
    'keeps the sums of [%s]',
    async (shape) => {
      const graph = sums(shape);
      const rewritten = optimize(graph, [segmentsInOrder, ...defaultPasses]);
      verifyGraph(rewritten);
      const inputs = inputsOf(shape);
      const expected = await runGraph(reference, graph, inputs);
      const actual = await runGraph(reference, rewritten, inputs);
      expect(firstDifference(actual, expected, 2e-6)).toBeUndefined();
    },
  );

  it('never adds two numbers at a place: rows that meet there are zeros, but one', async () => {
    const shape = [50, 3];
    const graph = segmentsInOrder.run(sums(shape));
    const scatters = graph.nodes.filter(
      (node): node is GraphNode<'segmentSum'> => node.op === 'segmentSum',
    );
    expect(scatters).toHaveLength(3);
    // What each scatter reads, as outputs of a graph.
    const build = { ...graph, outputs: scatters.flatMap((node, i) => shown(node, i)) };
    const values = await runGraph(reference, build, inputsOf(shape));
    for (const [i, { inputs }] of scatters.entries()) {
      const width = inputs[0]!.shape[1]!;
      const taken = new Set<string>();
      values[`rows ${i}`]!.forEach((value, at) => {
        if (value === 0) return;
        const place = `${values[`ids ${i}`]![Math.floor(at / width)]} ${at % width}`;
        expect(taken.has(place), `scatter ${i}, ${place}`).toBe(false);
        taken.add(place);
      });
    }
  });

  it('adds equal ids in the order they had', async () => {
    // In float32, (1e8 + 1) - 1e8 is 0 and (1e8 - 1e8) + 1 is 1: pairs first, then the sums of pairs.
    const graph = segmentsInOrder.run(sums([4, 1]));
    const ids = Int32Array.of(6, 2, 6, 6);
    const sumOf = async (...x: number[]) =>
      (await runGraph(reference, graph, { x: Float32Array.from(x), ids }))['y']![6];
    expect(await sumOf(1e8, 5, -1e8, 1)).toBe(0); // (-1e8 + 1) + 1e8
    expect(await sumOf(1, 5, 1e8, -1e8)).toBe(1);
  });
});

function shown({ inputs }: GraphNode<'segmentSum'>, i: number) {
  return [
    { name: `rows ${i}`, shape: inputs[0]!.shape, dtype: inputs[0]!.dtype, value: inputs[0]! },
    { name: `ids ${i}`, shape: inputs[1]!.shape, dtype: inputs[1]!.dtype, value: inputs[1]! },
  ];
}

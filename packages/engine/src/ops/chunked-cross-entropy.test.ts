import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../conformance/random-values.js';
import { firstDifference, runGraph } from '../conformance/run-graph.js';
import type { Graph } from '../graph/graph.js';
import { opHistogram } from '../graph/print-graph.js';
import { elementCount } from '../graph/shape.js';
import { optimize } from '../optimize.js';
import { loadReference } from '../reference/reference-engine.js';
import { trace } from '../tracer/trace.js';
import { chunkedCrossEntropy, type ChunkedCrossEntropyOptions } from './chunked-cross-entropy.js';
import { softmaxCrossEntropy } from './softmax-cross-entropy.js';

const reference = await loadReference();
const [tokens, width, words] = [50, 12, 301];
const next = randomNumbers(11);
const inputs = {
  hidden: Float32Array.from({ length: tokens * width }, () => 2 * next() - 1),
  head: Float32Array.from({ length: words * width }, () => 2 * next() - 1),
  labels: Int32Array.from({ length: tokens }, (_, i) =>
    i % 7 === 3 ? -100 : Math.floor(next() * words),
  ),
};

type Loss = (hidden: tf.Tensor, head: tf.Tensor, labels: tf.Tensor) => tf.Scalar;

/** Loss and the gradients of hidden states and head. */
function trained(loss: Loss, outputs: readonly ('hidden' | 'head')[] = ['hidden', 'head']): Graph {
  return trace(({ input }) => {
    const labels = input('labels', [tokens], 'int32');
    const both = {
      hidden: input('hidden', [tokens, width], 'float32'),
      head: input('head', [words, width], 'float32'),
    };
    const f = (...xs: tf.Tensor[]) => {
      const given = { ...both, ...Object.fromEntries(outputs.map((name, i) => [name, xs[i]!])) };
      return loss(given.hidden, given.head, labels);
    };
    const { value, grads } = tf.valueAndGrads(f)(outputs.map((name) => both[name]));
    return {
      loss: value,
      ...Object.fromEntries(outputs.map((name, i) => [`d ${name}`, grads[i]!])),
    };
  });
}

const chunked =
  (options: ChunkedCrossEntropyOptions): Loss =>
  (...given) =>
    chunkedCrossEntropy(...given, options).lossSum;
const plain =
  (labelSmoothing: number): Loss =>
  (hidden, head, labels) =>
    softmaxCrossEntropy(tf.matMul(hidden, head, false, true), labels, {
      labelSmoothing,
    }) as tf.Scalar;

describe('chunkedCrossEntropy', () => {
  it.each([
    { chunkTokens: 8, labelSmoothing: 0 },
    { chunkTokens: 50, labelSmoothing: 0.1 },
    { chunkTokens: 7, labelSmoothing: 0.1 },
    { labelSmoothing: 0 },
  ])('has the loss and the gradients of softmaxCrossEntropy: %j', async (options) => {
    const expected = await runGraph(reference, trained(plain(options.labelSmoothing)), inputs);
    const actual = await runGraph(reference, trained(chunked(options)), inputs);
    expect(firstDifference(actual, expected, 2e-6)).toBeUndefined();
  });

  it('counts the tokens whose label is the largest logit', async () => {
    const graph = trace(({ input }) => {
      const hidden = input('hidden', [tokens, width], 'float32');
      const head = input('head', [words, width], 'float32');
      const labels = input('labels', [tokens], 'int32');
      const best = tf.argMax(tf.matMul(hidden, head, false, true), 1);
      // Every third token is labelled with what the model would say.
      const third = tf.equal(tf.tensor1d(Array.from({ length: tokens }, (_, i) => i % 3)), 0);
      const given = tf.where(third, best, labels);
      const counted = tf.notEqual(given, tf.scalar(-100, 'int32'));
      const right = tf.logicalAnd(tf.equal(given, best), counted);
      const options = { chunkTokens: 8, gradient: 'none' } as const;
      return {
        correct: chunkedCrossEntropy(hidden, head, given, options).correct,
        expected: tf.sum(tf.cast(right, 'float32')),
      };
    });
    const { correct, expected } = await runGraph(reference, graph, inputs);
    expect(correct).toEqual(expected);
    expect(correct?.[0]).toBeGreaterThanOrEqual(17);
  });

  it('makes no array of tokens times words, forward or backward', () => {
    const largest = (graph: Graph) =>
      Math.max(
        ...optimize(graph).nodes.flatMap(({ outputs }) =>
          outputs.map(({ shape }) => elementCount(shape)),
        ),
      );
    expect(largest(trained(plain(0)))).toBe(tokens * words);
    expect(largest(trained(chunked({ chunkTokens: 8 })))).toBe(width * words); // the gradient of the head
    const frozen = trained(chunked({ chunkTokens: 8, gradient: 'hidden' }), ['hidden']);
    expect(largest(frozen)).toBe(8 * words);
  });

  it('computes one chunk after the other: each begins with what the one before gave', () => {
    const graph = optimize(trained(chunked({ chunkTokens: 25, gradient: 'hidden' }), ['hidden']));
    const [first, second] = graph.nodes.filter(({ op }) => op === 'exp');
    const reached = new Set<unknown>();
    const visit = (node: (typeof graph.nodes)[number]): void => {
      reached.add(node);
      for (const { node: before } of node.inputs)
        if (before !== undefined && !reached.has(before)) visit(before);
    };
    visit(second!);
    expect(reached).toContain(first);
  });

  it('computes no gradient that is not asked for', () => {
    const products = (graph: Graph) => opHistogram(optimize(graph))['matMul'];
    const evaluated = trace(({ input }) => {
      const { lossSum } = chunkedCrossEntropy(
        input('hidden', [tokens, width], 'float32'),
        input('head', [words, width], 'float32'),
        input('labels', [tokens], 'int32'),
        { chunkTokens: 25, gradient: 'none' },
      );
      return { lossSum };
    });
    expect(products(evaluated)).toBe(2);
    const frozen = trained(chunked({ chunkTokens: 25, gradient: 'hidden' }), ['hidden']);
    expect(products(frozen)).toBe(4);
    expect(products(trained(chunked({ chunkTokens: 25 })))).toBe(6);
  });

  it('multiplies the gradients by nothing where the loss is what is differentiated', () => {
    const graph = optimize(trained(chunked({ chunkTokens: 50 })));
    const gradient = graph.outputs.find(({ name }) => name === 'd head')!;
    expect(gradient.value.node?.op).toBe('matMul');
  });

  it('refuses shapes that do not fit', () => {
    expect(() =>
      chunkedCrossEntropy(tf.zeros([4, 3]), tf.zeros([9, 2]), tf.zeros([4], 'int32')),
    ).toThrow('got [4, 3], [9, 2] and [4]');
  });
});

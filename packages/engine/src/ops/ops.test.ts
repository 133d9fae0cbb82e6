import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { onCpuBackend } from '../reference/on-cpu-backend.js';
import { attention } from './attention.js';
import { dropout } from './dropout.js';
import { gelu } from './gelu.js';
import { layerNorm } from './layer-norm.js';
import { softmaxCrossEntropy } from './softmax-cross-entropy.js';

/** Runs eagerly and gives the numbers of what comes out. */
function eagerly(compute: () => tf.Tensor): number[] {
  let values: number[] = [];
  onCpuBackend(() => {
    values = Array.from(compute().dataSync());
  });
  return values;
}
const near = (values: readonly number[]) =>
  values.map((value) => expect.closeTo(value, 5) as number);

// Expected numbers: torch 2 (torch.nn.functional), printed to six digits.
describe('our ops, eagerly', () => {
  it('gelu is that of PyTorch', () => {
    const x = () => tf.tensor1d([-3, -1, 0, 0.5, 2]);
    expect(eagerly(() => gelu(x()))).toEqual(near([-0.00405, -0.158655, 0, 0.345731, 1.9545]));
    expect(eagerly(() => gelu(x(), 'tanh'))).toEqual(
      near([-0.003637, -0.158808, 0, 0.345714, 1.954598]),
    );
  });

  it('layerNorm uses the biased variance', () => {
    const y = eagerly(() =>
      layerNorm(
        tf.tensor2d([[1, 2, 3, 6]]),
        tf.tensor1d([1, 1, 1, 2]),
        tf.tensor1d([0, 0, 0, 1]),
        1e-5,
      ),
    );
    expect(y).toEqual(near([-1.069042, -0.534521, 0, 4.207127]));
  });

  it('softmaxCrossEntropy sums, smooths and ignores as torch.nn.CrossEntropyLoss', () => {
    const logits = () =>
      tf.tensor2d([
        [1, 2, 3],
        [0, 0, 0],
        [3, 1, -2],
      ]);
    const labels = (...ids: number[]) => tf.tensor1d(ids, 'int32');
    const rows = [3 - Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3)), -Math.log(3)];
    expect(eagerly(() => softmaxCrossEntropy(logits(), labels(2, 0, -100)))).toEqual(
      near([-rows[0]! - rows[1]!]),
    );
    // Smoothing s: (1 - s) nll + s mean(-log p) of the two counted rows.
    const s = 0.3;
    const meanLog = rows[0]! - 1; // mean of log p over classes of row 0: logits lie 0, 1 and 2 below
    const smoothed = -(1 - s) * rows[0]! - s * meanLog - rows[1]!;
    const options = { labelSmoothing: s, ignoreIndex: 1 };
    expect(eagerly(() => softmaxCrossEntropy(logits(), labels(2, 0, 1), options))).toEqual(
      near([smoothed]),
    );
  });

  it('softmaxCrossEntropy refuses shapes that do not fit', () => {
    expect(() => softmaxCrossEntropy(tf.zeros([2, 3]), tf.zeros([3], 'int32'))).toThrow(
      'logits [2, 3] do not fit labels [3]',
    );
  });

  it('dropout keeps the expectation and refuses a rate of 1', () => {
    const mask = () => tf.tensor1d([1, 0, 1], 'bool');
    expect(eagerly(() => dropout(tf.tensor1d([1, 2, 3]), mask(), 0.5))).toEqual([2, 0, 6]);
    expect(() => dropout(tf.tensor1d([1]), mask(), 1)).toThrow(
      'a dropout rate lies in [0, 1), got 1',
    );
  });

  it('attention is softmax(scale q kT + bias) v', () => {
    const [q, k, v] = [
      [1, 0, 0, 1],
      [1, 2, 3, 4, 5, 6],
      [1, 0, 0, 1, 2, 2],
    ];
    const actual = eagerly(() =>
      attention(
        tf.tensor3d(q!, [1, 2, 2]),
        tf.tensor3d(k!, [1, 3, 2]),
        tf.tensor3d(v!, [1, 3, 2]),
        {
          scale: 0.5,
          bias: tf.tensor([0, 1, -1e9], [1, 1, 3]),
        },
      ),
    );
    const weight = (a: number, b: number) => Math.exp(a) / (Math.exp(a) + Math.exp(b));
    const [first, second] = [weight(0.5, 2.5), weight(1, 3)];
    expect(actual).toEqual(near([first, 1 - first, second, 1 - second]));
  });
});

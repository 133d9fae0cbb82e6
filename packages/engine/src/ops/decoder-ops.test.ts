import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { onCpuBackend } from '../reference/on-cpu-backend.js';
import { attentionBias } from './attention-bias.js';
import { attention } from './attention.js';
import { rmsNorm } from './rms-norm.js';
import { rotary } from './rotary.js';
import { siluGate } from './silu-gate.js';

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

// Expected numbers: LlamaRMSNorm and apply_rotary_pos_emb of transformers 5, functions of torch 2, to six digits.
describe('the ops of decoders, eagerly', () => {
  it('rmsNorm is LlamaRMSNorm', () => {
    const y = eagerly(() => rmsNorm(tf.tensor2d([[1, 2, 3, 6]]), tf.tensor1d([1, 1, 1, 2]), 1e-5));
    expect(y).toEqual(near([0.282843, 0.565685, 0.848528, 3.394111]));
  });

  it('rotary turns the first half of a head with the second, as HuggingFace lays them', () => {
    const x = [1, 2, 3, 4, 1, 0, -1, 2];
    const angles = () => tf.tensor([0, 0, 1, 0.1], [1, 1, 2, 2]);
    const y = eagerly(() => rotary(tf.tensor(x, [1, 1, 2, 4]), tf.cos(angles()), tf.sin(angles())));
    expect(y).toEqual(near([1, 2, 3, 4, 1.381773, -0.199667, 0.301169, 1.990008]));
  });

  it('rotary refuses angles that do not fit the heads', () => {
    expect(() => rotary(tf.zeros([2, 6]), tf.zeros([2, 6]), tf.zeros([2, 6]))).toThrow(
      'rotary needs cosines and sines of half the width 6, got [2, 6] and [2, 6]',
    );
  });

  it('siluGate is silu(gate) * up', () => {
    const y = eagerly(() =>
      siluGate(tf.tensor1d([-3, -1, 0, 0.5, 2]), tf.tensor1d([2, -1, 5, 1, 0.5])),
    );
    expect(y).toEqual(near([-0.284555, 0.268941, 0, 0.31123, 0.880797]));
  });

  it('attention of grouped heads is that of PyTorch with enable_gqa and is_causal', () => {
    const count = (n: number) => Array.from({ length: n }, (_, i) => i);
    const tokens = () => ({ samples: tf.ones([1, 2]), positions: tf.tensor2d([[0, 1]]) });
    const y = eagerly(() =>
      attention(
        tf.tensor(count(16).map(Math.sin), [1, 4, 2, 2]),
        tf.tensor(count(8).map(Math.cos), [1, 2, 2, 2]),
        tf.tensor(count(8).map(Math.sin), [1, 2, 2, 2]),
        {
          scale: 0.7,
          bias: attentionBias({ queries: tokens(), keys: tokens(), causal: true }),
        },
      ),
    );
    expect(y).toEqual(
      near([
        0, 0.841471, 0.235266, 0.660266, 0, 0.841471, 0.359077, 0.564906, -0.756802, -0.958924,
        -0.623064, -0.506231, -0.756802, -0.958924, -0.37902, 0.319835,
      ]),
    );
  });

  it('attention refuses heads that cannot be grouped', () => {
    const [q, k] = [tf.zeros([1, 3, 2, 2]), tf.zeros([1, 2, 2, 2])];
    expect(() => attention(q, k, k, { scale: 1 })).toThrow(
      '3 query heads cannot share 2 key heads',
    );
  });
});

describe('attentionBias', () => {
  /** Two rows of five tokens: samples of 3 and 1 tokens and a padding token, one sample of 5. */
  const tokens = () => ({
    samples: tf.tensor2d([
      [1, 1, 1, 2, 0],
      [1, 1, 1, 1, 1],
    ]),
    positions: tf.tensor2d([
      [0, 1, 2, 0, 0],
      [0, 1, 2, 3, 4],
    ]),
  });
  /** A row per query: 1 where it may look. */
  const seen = (options: { causal?: boolean; window?: number }) => {
    const bias = eagerly(() => attentionBias({ queries: tokens(), keys: tokens(), ...options }));
    const open = bias.map((value) => {
      expect(value === 0 || value <= -1e9).toBe(true);
      return value === 0 ? 1 : 0;
    });
    return Array.from({ length: 10 }, (_, query) => open.slice(5 * query, 5 * query + 5).join(''));
  };

  it('keeps samples apart', () => {
    expect(seen({}).slice(0, 5)).toEqual(['11100', '11100', '11100', '00010', '00001']);
  });

  it('hides what comes later', () => {
    expect(seen({ causal: true })).toEqual([
      ...['10000', '11000', '11100', '00010', '00001'],
      ...['10000', '11000', '11100', '11110', '11111'],
    ]);
  });

  it('hides what lies `window` tokens back, as sliding_window of transformers', () => {
    expect(seen({ causal: true, window: 2 })).toEqual([
      ...['10000', '11000', '01100', '00010', '00001'],
      ...['10000', '11000', '01100', '00110', '00011'],
    ]);
  });

  it('says what a causal or sliding bias needs', () => {
    const samples = tf.ones([1, 2]);
    const only = { queries: { samples }, keys: { samples } };
    expect(() => attentionBias({ ...only, causal: true })).toThrow('needs the positions');
    expect(() => attentionBias({ ...only, window: 2 })).toThrow('needs a causal attention bias');
  });
});

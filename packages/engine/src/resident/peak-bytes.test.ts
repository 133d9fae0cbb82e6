import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { trace } from '../tracer/trace.js';
import { peakBytes } from './peak-bytes.js';

describe('peakBytes', () => {
  const graph = trace(({ input }) => {
    const w = input('w', [100], 'float32');
    const x = input('x', [100], 'float32');
    const a = tf.exp(x);
    const b = tf.tanh(a); // a is not read again
    const c = tf.reshape(tf.mul(b, w), [10, 10]); // a view
    return { y: tf.sum(c, 1) };
  });

  it('counts inputs that are fed, and values from where they are made to where they are last read', () => {
    // x, and two of a, b, c at a time.
    expect(peakBytes(graph, ({ name }) => name === 'w')).toBe(3 * 400);
    expect(peakBytes(graph, () => true)).toBe(2 * 400);
    expect(peakBytes(graph, () => false)).toBe(4 * 400);
  });
});

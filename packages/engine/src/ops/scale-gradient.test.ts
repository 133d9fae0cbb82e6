import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { onCpuBackend } from '../reference/on-cpu-backend.js';
import { registerGradients } from '../gradients/register-gradients.js';
import { scaleGradient } from './scale-gradient.js';

it('scaleGradient leaves the value and multiplies the gradient', () => {
  registerGradients();
  onCpuBackend(() => {
    const f = (x: tf.Tensor) => tf.sum(tf.square(scaleGradient(x, tf.tensor2d([[1], [0], [-2]]))));
    const x = tf.tensor2d([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const { value, grad } = tf.valueAndGrad(f)(x);
    expect(value.dataSync()[0]).toBe(91);
    expect([...grad.dataSync()]).toEqual([2, 4, 0, 0, -20, -24]);
  });
});

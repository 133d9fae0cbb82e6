import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { compile } from './compile.js';
import { loadEngine, tryEngine } from './load-engine.js';

const specs = {
  x: { shape: [2, 2], dtype: 'float32' },
  w: { shape: [2, 1], dtype: 'float32' },
} as const;
const inputs = { x: Float32Array.of(1, 2, 3, 4), w: Float32Array.of(1, -1) };

describe('compile', () => {
  it('runs a function and its gradient on host buffers', async () => {
    const step = await compile(
      ({ x, w }) => {
        const loss = (v: tf.Tensor) => tf.sum(tf.square(tf.matMul(x!, v))) as tf.Scalar;
        const { value, grad } = tf.valueAndGrad(loss)(w!);
        return { loss: value, gradient: grad };
      },
      specs,
      { engine: 'onnx' },
    );
    const { loss, gradient } = await step(inputs);
    expect(Array.from(loss)).toEqual([2]);
    expect(Array.from(gradient)).toEqual([-8, -12]);
    await expect(step({ ...inputs, y: inputs.w })).rejects.toThrow('has no input "y"');
    step.dispose();
  });

  it('runs on an engine that the caller keeps', async () => {
    const engine = await loadEngine('reference');
    const negate = await compile(({ x }) => ({ y: tf.neg(x!) }), { x: specs.x }, { engine });
    expect(Array.from((await negate({ x: inputs.x })).y)).toEqual([-1, -2, -3, -4]);
    negate.dispose();
  });
});

describe('loadEngine', () => {
  it('takes onnx when openvino is not set up, and says why', async () => {
    const reasons: string[] = [];
    const engine = await loadEngine('auto', { explain: (reason) => reasons.push(reason) });
    expect(engine.name).toBe('onnx');
    expect(reasons).toEqual([
      'engine onnx: engine openvino does not load: no cache folder was given to look for its libraries; ' +
        'to have it: microtune setup openvino',
    ]);
    engine.dispose();
  });

  it.each([
    ['openvino', 'cpu', /^OpenVINO 20\d\d\..* is not in \/nowhere$/, 'microtune setup openvino'],
    ['xla', 'cpu', /^XLA \(cpu-.*\) is not in \/nowhere$/, 'microtune setup xla'],
    ['xla', 'cuda', /^XLA \(cuda13-.*\) is not in \/nowhere$/, 'microtune setup xla --cuda'],
    ['tensorflow', 'cpu', /^TensorFlow 2\..* is not in \/nowhere$/, 'microtune setup tensorflow'],
    [
      'tensorflow',
      'cuda',
      /^TensorFlow 2.*-cuda12 is not in \/nowhere$/,
      'microtune setup tensorflow --cuda',
    ],
  ] as const)('says how to have %s on %s', async (name, platform, reason, remedy) => {
    expect(await tryEngine(name, { cacheFolder: '/nowhere', platform })).toEqual({
      name,
      reason: expect.stringMatching(reason) as string,
      remedy,
    });
  });

  it('refuses an engine that does not load, with the remedy', async () => {
    await expect(loadEngine('openvino')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('microtune setup openvino') as string,
    });
  });

  it('refuses bf16 where the engine has none', async () => {
    const promise = compile(
      ({ x }) => ({ y: tf.neg(x!) }),
      { x: specs.x },
      { engine: 'onnx', precision: 'bf16' },
    );
    await expect(promise).rejects.toMatchObject({ code: 'usage' });
  });
});

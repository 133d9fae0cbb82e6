/** What resident state must do on every engine that has it. */
// Native libraries read their settings there while they load: a stand-in would not reach them.
import { env as environment } from 'node:process';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { randomNumbers, randomTensor } from '../conformance/random-values.js';
import type { Engine } from '../engine.js';
import type { Graph } from '../graph/graph.js';
import { loadEngine } from '../load-engine.js';
import { testTensorflow } from '../setup/tensorflow-test-addon.js';
import { testCacheFolder as cacheFolder } from '../setup/test-libraries.js';
import { testXlaPlugin } from '../setup/xla-test-plugin.js';
import { trace } from '../tracer/trace.js';
import { packGradient, smallestGradient } from './pack-gradient.js';
import { nextValue } from './resident.js';
import type { DeviceGradient, DeviceState } from './resident.js';
import { adamwNames, adamwScalars, traceAdamW } from './traced-adamw.js';

const skipReasons = {
  xla: (await testXlaPlugin(environment)).skipReason,
  tensorflow: (await testTensorflow()).skipReason,
};

/** A regression y = tanh(x W1) W2 + b with a frozen table added in, of sizes that leave gaps in the layout. */
const parameters = [
  { name: 'w1', shape: [3, 5], place: { start: 0, count: 15 }, decay: true },
  { name: 'w2', shape: [5, 1], place: { start: 16, count: 5 }, decay: true },
  { name: 'b', shape: [1], place: { start: 32, count: 1 }, decay: false },
];
const count = 48;
const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 };
const rows = 4;

function loss(x: tf.Tensor, y: tf.Tensor, frozen: tf.Tensor) {
  return (...[w1, w2, b]: tf.Tensor[]): tf.Scalar => {
    const hidden = tf.tanh(tf.matMul(tf.add(x, frozen) as tf.Tensor2D, w1 as tf.Tensor2D));
    return tf.sum(
      tf.square(tf.sub(tf.add(tf.matMul(hidden as tf.Tensor2D, w2 as tf.Tensor2D), b!), y)),
    );
  };
}

function gradientGraph(): Graph {
  const graph = trace(({ input }) => {
    const [x, y] = [input('x', [rows, 3], 'float32'), input('y', [rows, 1], 'float32')];
    const weights = parameters.map(({ name, shape }) => input(name, shape, 'float32'));
    const { value, grads } = tf.valueAndGrads(loss(x, y, input('frozen', [3], 'float32')))(weights);
    return {
      loss: value,
      ...Object.fromEntries(grads.map((g, i) => [`gradient/${parameters[i]!.name}`, g])),
    };
  });
  const places = new Map(parameters.map(({ name, place }) => [`gradient/${name}`, place]));
  return packGradient(graph, { places, count, name: 'gradient' });
}

const next = randomNumbers(7);
const random = (shape: readonly number[]) =>
  randomTensor({ shape, dtype: 'float32', from: -1, to: 1 }, next) as Float32Array;
const initial = new Map(parameters.map(({ name, shape }) => [name, random(shape)]));
const frozen = random([3]);
const shards = Array.from({ length: 4 }, () => ({ x: random([rows, 3]), y: random([rows, 1]) }));

function stateTensors() {
  const flat = (name: string) => ({
    name,
    shape: [count],
    dtype: 'float32' as const,
    data: new Float32Array(count),
  });
  return [
    ...parameters.map(({ name, shape }) => ({
      name,
      shape,
      dtype: 'float32' as const,
      data: initial.get(name)!,
    })),
    { name: 'frozen', shape: [3], dtype: 'float32' as const, data: frozen },
    flat(adamwNames.m),
    flat(adamwNames.v),
  ];
}

/** The same steps in eager tfjs, gradients summed over the shards, AdamW written out in float64. */
function eagerSteps(
  steps: number,
  maxNorm: number,
  learningRate: number,
): { weights: number[][]; norm: number } {
  const weights = parameters.map(({ name }) => Array.from(initial.get(name)!));
  const m = weights.map((w) => w.map(() => 0));
  const v = weights.map((w) => w.map(() => 0));
  let norm = 0;
  for (let t = 1; t <= steps; t++) {
    const sums = weights.map((w) => w.map(() => 0));
    for (const { x, y } of shards) {
      const tensors = weights.map((w, i) => tf.tensor(w, [...parameters[i]!.shape]));
      const batch = loss(tf.tensor(x, [rows, 3]), tf.tensor(y, [rows, 1]), tf.tensor(frozen));
      tf.valueAndGrads(batch)(tensors).grads.forEach((g, i) => {
        g.dataSync().forEach((value, k) => (sums[i]![k]! += value));
      });
    }
    const weight = shards.length * rows;
    norm = Math.sqrt(sums.flat().reduce((total, g) => total + g * g, 0)) / weight;
    const scale = Math.min(1, maxNorm / (norm + 1e-6)) / weight;
    weights.forEach((w, i) => {
      w.forEach((before, k) => {
        const g = sums[i]![k]! * scale;
        const newM = (m[i]![k]! += (g - m[i]![k]!) * (1 - settings.beta1));
        const newV = (v[i]![k] = v[i]![k]! * settings.beta2 + g * g * (1 - settings.beta2));
        const root = Math.sqrt(newV) / Math.sqrt(1 - settings.beta2 ** t) + settings.epsilon;
        const decay = parameters[i]!.decay ? 1 - learningRate * settings.weightDecay : 1;
        w[k] = before * decay - ((learningRate / (1 - settings.beta1 ** t)) * newM) / root;
      });
    });
  }
  return { weights, norm };
}

describe.each(['xla', 'tensorflow'] as const)('resident state on %s', (name) => {
  const skipReason = skipReasons[name];
  describe.skipIf(skipReason !== undefined)(skipReason ?? 'set up for tests', () => {
    let engine: Engine;
    let state: DeviceState;
    const learningRate = 0.01;

    beforeAll(async () => {
      engine = await loadEngine(name, { cacheFolder, environment });
    });
    afterEach(() => {
      state.dispose();
    });
    afterAll(() => {
      engine.dispose();
    });

    const f32 = { threads: 1, precision: 'f32' } as const;

    async function open() {
      state = await engine.init!(stateTensors());
      const gradients = await state.compileGradient(gradientGraph(), {
        ...f32,
        gradient: 'gradient',
      });
      const apply = await state.compileApply(traceAdamW({ parameters, count, ...settings }), {
        ...f32,
        gradient: adamwNames.gradient,
      });
      /** All shards' gradients, added in the tree ((0 1) (2 3)). */
      const summed = async () => {
        const each = [];
        for (const shard of shards)
          each.push((await gradients.run(shard, { loss: new Float32Array(1) }))!);
        const [a, b, c, d] = each;
        return state.accumulate(state.accumulate(a!, b!), state.accumulate(c!, d!));
      };
      const numbers = {
        [adamwNames.norm]: new Float32Array(1),
        [adamwNames.scale]: new Float32Array(1),
      };
      const update = async (step: number, maxNorm: number, gradient = summed()) => {
        const given = {
          step,
          learningRate,
          batchWeight: shards.length * rows,
          maxNorm,
          hostSquares: 0,
        };
        await apply.run(await gradient, adamwScalars(settings, given), numbers);
        return numbers[adamwNames.norm]![0]!;
      };
      const snapshot = async () => {
        const into = Object.fromEntries(
          stateTensors().map(({ name, data }) => [name, new Float32Array(data.length)]),
        );
        await state.snapshot(into);
        return into;
      };
      return { gradients, summed, update, snapshot };
    }

    it.each([0.05, 0])('trains as eager tfjs with AdamW does, clipped at %d', async (maxNorm) => {
      const { update, snapshot } = await open();
      let norm = 0;
      for (let step = 1; step <= 5; step++) norm = await update(step, maxNorm);
      const expected = eagerSteps(5, maxNorm === 0 ? Infinity : maxNorm, learningRate);
      expect(norm).toBeCloseTo(expected.norm, 5);
      const tensors = await snapshot();
      parameters.forEach(({ name }, i) => {
        tensors[name]!.forEach((value, k) => {
          expect(value).toBeCloseTo(expected.weights[i]![k]!, 5);
        });
      });
      expect(tensors['frozen']).toEqual(frozen);
      // The gaps of the layout are still zero.
      expect([15, 21, 31, 33, 47].map((at) => tensors[adamwNames.v]![at])).toEqual([0, 0, 0, 0, 0]);
    });

    it('gives the same bits when the gradient goes through the host', async () => {
      const resident = await open();
      for (let step = 1; step <= 3; step++) await resident.update(step, 1);
      const direct = await resident.snapshot();
      state.dispose();
      const { summed, update, snapshot } = await open();
      for (let step = 1; step <= 3; step++) {
        const gradient = await summed();
        const values = new Float32Array(count);
        // In pieces, as the all-reduce wants them.
        for (const start of [0, 16, 32])
          await state.download(gradient, start, values.subarray(start, start + 16));
        gradient.dispose();
        await update(step, 1, state.upload(values));
      }
      expect(await snapshot()).toEqual(direct);
    });

    it('resumes from a snapshot with the same bits', async () => {
      const first = await open();
      await first.update(1, 1);
      const saved = await first.snapshot();
      await first.update(2, 1);
      const expected = await first.snapshot();
      await state.restore(saved);
      await first.update(2, 1);
      expect(await first.snapshot()).toEqual(expected);
    });

    it('refuses a gradient that was taken, a state tensor of another shape and an unknown one', async () => {
      const { summed, update } = await open();
      const gradient = await summed();
      await update(1, 1, Promise.resolve(gradient));
      await expect(update(2, 1, Promise.resolve(gradient))).rejects.toThrow('taken or freed');
      await expect(state.restore({ w1: new Float32Array(2) })).rejects.toMatchObject({
        code: 'internal',
      });
      await expect(state.snapshot({ w9: new Float32Array(2) })).rejects.toThrow('no state tensor');
      const wrong = trace(({ input }) => ({
        [nextValue('w1')]: tf.neg(input('w1', [2], 'float32')),
      }));
      await expect(state.compileApply(wrong, { ...f32, gradient: 'g' })).rejects.toThrow(
        'differ in shape',
      );
    });

    it('multiplies by parameters as the last update left them, not as they were in the first run', async () => {
      // Large enough for the kernels that pack a factor once and remember it by its address.
      const [rows, width, columns] = [128, 1536, 384];
      const x = random([rows, width]);
      const w = random([width, columns]);
      state = await engine.init!([
        { name: 'w', shape: [width, columns], dtype: 'float32', data: w },
      ]);
      const graph = trace(({ input }) => {
        const [from, weights] = [
          input('x', [rows, width], 'float32'),
          input('w', [width, columns], 'float32'),
        ];
        return {
          y: tf.matMul(from as tf.Tensor2D, weights as tf.Tensor2D),
          g: tf.mul(weights, -0.5),
        };
      });
      const all = { start: 0, count: width * columns };
      const packed = packGradient(graph, {
        places: new Map([['g', all]]),
        count: all.count,
        name: 'gradient',
      });
      const program = await state.compileGradient(packed, { ...f32, gradient: 'gradient' });
      const halve = trace(({ input }) => {
        const gradient = tf.reshape(input('gradient', [all.count], 'float32'), [width, columns]);
        return { [nextValue('w')]: tf.add(input('w', [width, columns], 'float32'), gradient) };
      });
      const apply = await state.compileApply(halve, { ...f32, gradient: 'gradient' });
      const run = async () => {
        const outputs = { y: new Float32Array(rows * columns) };
        const gradient = await program.run({ x }, outputs);
        return { ...outputs, gradient: gradient! };
      };
      const first = await run();
      await apply.run(first.gradient, {}, {});
      const second = await run();
      second.gradient.dispose();
      // Half of a parameter is exact, and so is half of a sum.
      expect(second.y.filter((value, i) => value !== first.y[i]! / 2).length).toBe(0);
    });

    it('adds gradients as the host does, however small they are and whatever cancels', async () => {
      await open();
      const graph = trace(({ input }) => ({ g: tf.neg(input('x', [count], 'float32')) }));
      const packed = packGradient(graph, {
        places: new Map([['g', { start: 0, count }]]),
        count,
        name: 'gradient',
      });
      const program = await state.compileGradient(packed, { ...f32, gradient: 'gradient' });
      const kept = (values: Float32Array) =>
        values.map((value) => (Math.abs(value) < smallestGradient ? 0 : value));
      const plus = (left: Float32Array, right: Float32Array) =>
        left.map((value, i) => value + right[i]!);
      for (let round = 0; round < 20; round++) {
        const sizes = random([count]);
        // From the smallest subnormal, 2^-149, up to 2^-95; the next one cancels all but a few last bits.
        const first = sizes.map((value, i) => value * 2 ** (-148 + i + (round % 3)));
        const second = first.map((value, i) => value * (-1 + ((i + round) % 5) * 2 ** -23));
        const third = second.map((value) => value * 0.75);
        const [left, right, last] = await Promise.all(
          [first, second, third].map((x) => program.run({ x }, {})),
        );
        const sum = state.accumulate(state.accumulate(left!, right!), last!);
        const into = new Float32Array(count);
        await state.download(sum, 0, into);
        sum.dispose();
        const negated = [first, second, third].map((x) => kept(x.map((value) => -value)));
        const expected = plus(plus(negated[0]!, negated[1]!), negated[2]!);
        expect(expected.every((value) => value === 0 || Math.abs(value) >= 2 ** -125)).toBe(true);
        expect(into.map((value) => value + 0)).toEqual(expected.map((value) => value + 0));
      }
    });

    it('adds gradients as the host does, in any order, also when a program is compiled in between', async () => {
      const { gradients } = await open();
      const run = async () => {
        const each: DeviceGradient[] = [];
        for (const shard of shards)
          each.push((await gradients.run(shard, { loss: new Float32Array(1) }))!);
        return each;
      };
      const values: Float32Array[] = [];
      for (const gradient of await run()) {
        const into = new Float32Array(count);
        await state.download(gradient, 0, into);
        gradient.dispose();
        values.push(into);
      }
      const [a, b, c, d] = values as [Float32Array, Float32Array, Float32Array, Float32Array];
      const plus = (left: Float32Array, right: Float32Array) =>
        left.map((value, i) => value + right[i]!);
      const [w, x, y, z] = (await run()) as [
        DeviceGradient,
        DeviceGradient,
        DeviceGradient,
        DeviceGradient,
      ];
      // z is the latest; w and x wait for longer. Then y and the sum, with a program that comes late.
      const first = state.accumulate(w, x);
      const evaluation = await state.compileGradient(
        trace(({ input }) => ({ sum: tf.sum(input('w1', [3, 5], 'float32')) })),
        { ...f32, gradient: undefined },
      );
      const sum = new Float32Array(1);
      expect(await evaluation.run({}, { sum })).toBeUndefined();
      expect(sum[0]).toBeCloseTo(
        initial.get('w1')!.reduce((total, value) => total + value, 0),
        5,
      );
      const second = state.accumulate(z, y);
      const total = state.accumulate(second, first);
      const into = new Float32Array(count);
      await state.download(total, 0, into);
      expect(into).toEqual(plus(plus(a, b), plus(c, d)));
      total.dispose();
    });
  });
});

// Native libraries read their settings there while they load: a stand-in would not reach them.
import { env as environment } from 'node:process';
import { adamwNames, loadEngine, type DeviceState, type Engine } from '@microtune/engine';
import { loraDefaults, type MethodSpec } from '@microtune/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testTensorflow } from '../../../engine/src/setup/tensorflow-test-addon.js';
import { testCacheFolder as cacheFolder } from '../../../engine/src/setup/test-libraries.js';
import { testXlaPlugin } from '../../../engine/src/setup/xla-test-plugin.js';
import { openSmallWorld } from '../testing/small-training.js';

const skipReasons = {
  xla: (await testXlaPlugin(environment)).skipReason,
  tensorflow: (await testTensorflow()).skipReason,
};

const lora: MethodSpec = { ...loraDefaults, r: 4, alpha: 8, dropout: 0.1 };

function relativeError(values: Float32Array, expected: Float32Array): number {
  const norm = (list: Float32Array) => Math.sqrt(list.reduce((sum, x) => sum + x * x, 0));
  return norm(values.map((value, i) => value - expected[i]!)) / norm(expected);
}

/** The engine with an account of the device's memory, which engines on a CPU do not keep. */
function deviceWith(engine: Engine) {
  let peakBytes = 0;
  let gradientBytes = 0;
  const freeing = (freeBytes: number): Engine => ({
    ...engine,
    init: async (tensors) => {
      const state = await engine.init!(tensors);
      // The update of so small a model needs more than its graphs.
      let opened = false;
      gradientBytes = tensors.find(({ name }) => name === adamwNames.m)!.data.byteLength;
      const compileGradient: DeviceState['compileGradient'] = async (graph, options) => {
        const program = await state.compileGradient(graph, options);
        peakBytes = Math.max(peakBytes, program.peakBytes);
        opened = true;
        return program;
      };
      return new Proxy(state, {
        get: (target, key) => {
          if (key === 'freeBytes') return () => (opened ? freeBytes : Infinity);
          if (key === 'compileGradient') return compileGradient;
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
    },
  });
  return { freeing, needOf: () => ({ peakBytes, gradientBytes }) };
}

describe.each(['xla', 'tensorflow'] as const)('a replica on %s', (name) => {
  const skipReason = skipReasons[name];
  describe.skipIf(skipReason !== undefined)(skipReason ?? 'set up for tests', () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await loadEngine(name, { cacheFolder, environment, threads: 1 });
    });
    afterAll(() => engine.dispose());

    it('counts every sum that waits on the device before a graph is run', async () => {
      // A device that says how much is free, with room for the graph and two of the gradients that five shards leave.
      const { freeing, needOf } = deviceWith(engine);
      using roomy = await openSmallWorld(freeing(Infinity), { workers: 1 });
      await roomy.train(1, 1);
      const { peakBytes, gradientBytes } = needOf();
      // Shards 0 to 4 leave (0 to 1) and 2 waiting while 3 is computed.
      const waiting = 2;
      const exact = peakBytes + waiting * gradientBytes;
      using fits = await openSmallWorld(freeing(exact), { workers: 1 });
      await fits.train(1, 1);
      using tight = await openSmallWorld(freeing(exact - 1), { workers: 1 });
      await expect(tight.train(1, 1)).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringMatching(/training graph of .* needs .* are free/) as string,
      });
    });

    it('trains as state in the arena does, over 20 steps', { timeout: 240_000 }, async () => {
      using resident = await openSmallWorld(engine, { workers: 1 });
      using host = await openSmallWorld({ ...engine, init: undefined }, { workers: 1 });
      const [reports, expected] = [await resident.train(1, 20), await host.train(1, 20)];
      reports.forEach(({ lossSum, weight, gradientNorm }, i) => {
        expect(lossSum / expected[i]!.lossSum).toBeCloseTo(1, 5);
        expect(gradientNorm / expected[i]!.gradientNorm).toBeCloseTo(1, 5);
        expect(weight).toBe(expected[i]!.weight);
      });
      const [state, hostState] = [await resident.snapshot(), await host.snapshot()];
      for (const block of ['parameters', 'm', 'v'] as const)
        expect(relativeError(state[block], hostState[block]), block).toBeLessThan(1e-5);
      const logits = await resident.workers[0]!.logits();
      expect(relativeError(logits, await host.workers[0]!.logits())).toBeLessThan(1e-5);
    });

    it(
      'keeps what is not trained where it is, and trains LoRA as state in the arena does',
      { timeout: 240_000 },
      async () => {
        using resident = await openSmallWorld(engine, { workers: 1, method: lora });
        using host = await openSmallWorld(
          { ...engine, init: undefined },
          { workers: 1, method: lora },
        );
        const [reports, expected] = [await resident.train(1, 3), await host.train(1, 3)];
        reports.forEach(({ lossSum }, i) => {
          expect(lossSum / expected[i]!.lossSum).toBeCloseTo(1, 5);
        });
        const [state, hostState] = [await resident.snapshot(), await host.snapshot()];
        expect(state.parameters.length).toBeLessThan(2000);
        for (const block of ['parameters', 'm', 'v'] as const)
          expect(relativeError(state[block], hostState[block]), block).toBeLessThan(1e-5);
      },
    );

    it(
      'gives the same bits with 1, 2, 3 and 4 workers, one of them without shards',
      { timeout: 240_000 },
      async () => {
        const run = async (workers: number) => {
          using world = await openSmallWorld(engine, { workers });
          const reports = await world.train(1, 6);
          const states = [];
          for (let rank = 0; rank < workers; rank++) states.push(await world.snapshot(rank));
          return { norms: reports.map(({ gradientNorm }) => gradientNorm), states };
        };
        const one = await run(1);
        for (const workers of [2, 3, 4]) {
          const { norms, states } = await run(workers);
          expect(norms).toEqual(one.norms);
          for (const state of states) expect(state).toEqual(one.states[0]);
        }
      },
    );

    it('goes on with the same bits from a snapshot that was taken over again', async () => {
      using world = await openSmallWorld(engine, { workers: 1 });
      const { replica } = world.workers[0]!;
      await world.train(1, 3);
      const saved = await world.snapshot();
      await world.train(4, 5);
      const expected = await world.snapshot();
      const state = await replica.snapshot();
      for (const block of ['parameters', 'm', 'v'] as const) {
        const { dense, tables } = state[block];
        dense.view.set(saved[block].subarray(0, dense.count));
        let start = dense.count;
        for (const { view, count } of tables) {
          view.set(saved[block].subarray(start, start + count));
          start += count;
        }
      }
      state.step = 3;
      await replica.restore();
      expect(await world.snapshot()).toEqual(saved);
      await world.train(4, 5);
      expect(await world.snapshot()).toEqual(expected);
    });

    it('refuses what does not fit the device before it runs, and says what to lower', async () => {
      /** Answers in turn, then 1,000. */
      const limited = (...freeBytes: number[]): Engine => ({
        ...engine,
        init: async (tensors) => {
          const state = await engine.init!(tensors);
          const account = { freeBytes: () => freeBytes.shift() ?? 1000 };
          return new Proxy(state, {
            get: (target, key) => {
              const value: unknown = Reflect.get(account, key) ?? Reflect.get(target, key);
              return typeof value === 'function' ? (value.bind(target) as unknown) : value;
            },
          });
        },
      });
      await expect(openSmallWorld(limited(), { workers: 1 })).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringMatching(/the update needs .* --micro_batch_tokens/) as string,
      });
      using world = await openSmallWorld(limited(1e9), { workers: 1 });
      await expect(world.train(1, 1)).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringMatching(/graph of \d rows of \d+ tokens needs 0.00 GB/) as string,
      });
    });
  });
});

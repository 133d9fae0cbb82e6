// The plugins read their settings there: a stand-in would not reach them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env as environment } from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '@microtune/engine';
import { testXlaPlugin } from '../../../engine/src/setup/xla-test-plugin.js';
import { loadXla } from '../../../engine/src/xla/xla-engine.js';
import { openSmallWorld } from '../testing/small-training.js';

const { plugin, skipReason } = await testXlaPlugin(environment);

function relativeError(values: Float32Array, expected: Float32Array): number {
  const norm = (list: Float32Array) => Math.sqrt(list.reduce((sum, x) => sum + x * x, 0));
  return norm(values.map((value, i) => value - expected[i]!)) / norm(expected);
}

describe.skipIf(plugin === undefined)(
  `replica on xla (${skipReason ?? 'set up for tests'})`,
  () => {
    let engine: Engine;
    // Workers of one process would compile the same programs again and again.
    const cacheFolder = mkdtempSync(join(tmpdir(), 'microtune-programs-'));
    beforeAll(async () => {
      const loaded = await loadXla({ plugin: plugin!, environment, cacheFolder });
      if (!('compile' in loaded)) throw new Error(loaded.reason);
      engine = loaded;
    });
    afterAll(() => {
      engine.dispose();
      rmSync(cacheFolder, { recursive: true });
    });

    it('trains as state in the arena does, over 20 steps', async () => {
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

    it('gives the same bits with 1, 2, 3 and 4 workers, one of them without shards', async () => {
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
    });

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
  },
);

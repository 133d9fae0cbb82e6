/**
 * The conformance suite: what every engine must do. Each op alone and each gradient against the reference, whole
 * models against the reference and eager tfjs, and the same bits for one and two threads.
 */
// Native libraries read their settings there while they load: a stand-in would not reach them.
import { env as environment } from 'node:process';
import { engineNames } from '@microtune/shared';
import { afterAll, describe, expect, it } from 'vitest';
import {
  gradientGraph,
  graphOfCases,
  sharedOutputs,
  tolerance,
} from './conformance/case-graphs.js';
import { modelCases } from './conformance/model-cases.js';
import { firstDifference, hashBuffers, runGraph } from './conformance/run-graph.js';
import type { EngineName } from './engine.js';
import { opNames } from './graph/shape-rules.js';
import { isEngine, tryEngine } from './load-engine.js';
import { loadReference } from './reference/reference-engine.js';
import { testCacheFolder, testLibraries } from './setup/test-libraries.js';
import { testTensorflow } from './setup/tensorflow-test-addon.js';
import { testXlaPlugin } from './setup/xla-test-plugin.js';

const skipReasons: Readonly<Partial<Record<EngineName, string | undefined>>> = {
  openvino: (await testLibraries()).skipReason,
  xla: (await testXlaPlugin(environment)).skipReason,
  tensorflow: (await testTensorflow()).skipReason,
};
const options = { cacheFolder: testCacheFolder, environment, threads: 2 };
const engines = await Promise.all(engineNames.map((name) => tryEngine(name, options)));
const reference = await loadReference();

for (const engine of engines) {
  if (!isEngine(engine)) {
    describe.skip(`engine ${engine.name}: ${skipReasons[engine.name] ?? engine.reason}`, () => {
      it('does not load here', () => undefined);
    });
    continue;
  }
  describe(`engine ${engine.name}`, () => {
    afterAll(() => {
      engine.dispose();
    });

    it.each(opNames)('computes %s', async (op) => {
      const { graph, inputs } = graphOfCases(op);
      const expected = await runGraph(reference, graph, inputs);
      expect(
        firstDifference(await runGraph(engine, graph, inputs), expected, tolerance[engine.name]),
      ).toBeUndefined();
    });

    it('computes every gradient', async () => {
      const { graph, inputs } = gradientGraph();
      const expected = await runGraph(reference, graph, inputs);
      expect(
        firstDifference(
          await runGraph(engine, graph, inputs),
          expected,
          4 * tolerance[engine.name],
        ),
      ).toBeUndefined();
    });

    it('fills every output, also those that are the same constant or the same value', async () => {
      const { graph, inputs, expected } = sharedOutputs();
      const outputs = Object.entries(await runGraph(engine, graph, inputs));
      expect(Object.fromEntries(outputs.map(([name, values]) => [name, [...values]]))).toEqual(
        expected,
      );
    });

    it.each(Object.entries(modelCases))(
      'trains %s as eager tfjs does',
      async (_, { make, eager }) => {
        const { graph, inputs } = make();
        const actual = await runGraph(engine, graph, inputs);
        expect(
          firstDifference(actual, await runGraph(reference, graph, inputs), 4e-5),
        ).toBeUndefined();
        expect(firstDifference(actual, eager(), 4e-5)).toBeUndefined();
      },
    );

    it.each(Object.entries(modelCases))(
      'gives %s the same bits with two threads',
      async (_, { make }) => {
        const { graph, inputs } = make();
        const one = hashBuffers(await runGraph(engine, graph, inputs, 1));
        for (let repeat = 0; repeat < 3; repeat++) {
          expect(hashBuffers(await runGraph(engine, graph, inputs, 2))).toBe(one);
        }
      },
    );

    it('refuses a missing and a wrongly sized buffer', async () => {
      const { graph } = graphOfCases('exp');
      await expect(runGraph(engine, graph, {})).rejects.toMatchObject({ code: 'internal' });
      const wrong = { '0.0': new Float32Array(5), '1.0': new Float32Array(1) };
      await expect(runGraph(engine, graph, wrong)).rejects.toMatchObject({ code: 'internal' });
    });
  });
}

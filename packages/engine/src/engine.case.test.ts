/**
 * The conformance suite: what every engine must do. Each op alone and each gradient against the reference, whole
 * models against the reference and eager tfjs, and the same bits for one and two threads.
 */
// Native libraries read their settings there while they load: a stand-in would not reach them.
import { env as environment } from 'node:process';
import type * as tf from '@tensorflow/tfjs-core';
import { engineNames } from '@microtune/shared';
import { afterAll, describe, expect, it } from 'vitest';
import { argumentsOf, gradientCases, weightedGradients } from './conformance/gradient-cases.js';
import { modelCases } from './conformance/model-cases.js';
import { opCases } from './conformance/op-cases.js';
import type { OpCase } from './conformance/op-cases.js';
import { randomNumbers, randomTensor } from './conformance/random-values.js';
import { firstDifference, hashBuffers, runGraph } from './conformance/run-graph.js';
import type { Buffers } from './conformance/run-graph.js';
import type { EngineName } from './engine.js';
import { GraphBuilder } from './graph/graph-builder.js';
import type { Graph, Value } from './graph/graph.js';
import { opNames } from './graph/shape-rules.js';
import type { OpName } from './graph/ops.js';
import { isEngine, tryEngine } from './load-engine.js';
import { loadReference } from './reference/reference-engine.js';
import { testCacheFolder, testLibraries } from './setup/test-libraries.js';
import { testTensorflow } from './setup/tensorflow-test-addon.js';
import { testXlaPlugin } from './setup/xla-test-plugin.js';
import { trace } from './tracer/trace.js';

const skipReasons: Readonly<Partial<Record<EngineName, string | undefined>>> = {
  openvino: (await testLibraries()).skipReason,
  xla: (await testXlaPlugin(environment)).skipReason,
  tensorflow: (await testTensorflow()).skipReason,
};
const options = { cacheFolder: testCacheFolder, environment, threads: 2 };
const engines = await Promise.all(engineNames.map((name) => tryEngine(name, options)));
const reference = await loadReference();

function graphOfCases(op: OpName): { graph: Graph; inputs: Buffers } {
  const build = new GraphBuilder();
  const next = randomNumbers(op.length + op.charCodeAt(0));
  const inputs: Buffers = {};
  const outputs: Record<string, Value> = {};
  (opCases[op] as readonly OpCase[]).forEach((opCase, at) => {
    const values = opCase.inputs.map((input, i) => {
      const name = `${at}.${i}`;
      inputs[name] = randomTensor(input, next);
      return build.input(name, input.shape, input.dtype);
    });
    build
      .addMany(op, values, opCase.attributes as never)
      .forEach((value, i) => (outputs[`${op}.${at}.${i}`] = value));
  });
  return { graph: build.finish(outputs), inputs };
}

/** Value and gradients of every gradient case. */
function gradientGraph(): { graph: Graph; inputs: Buffers } {
  const inputs: Buffers = {};
  const graph = trace((context) => {
    const outputs: Record<string, tf.Tensor> = {};
    for (const [name, gradientCase] of Object.entries(gradientCases)) {
      const next = randomNumbers(name.length);
      const tensors = argumentsOf(name, gradientCase).map(({ name: argument, shape, from, to }) => {
        inputs[argument] = randomTensor({ shape, dtype: 'float32', from, to }, next);
        return context.input(argument, shape, 'float32');
      });
      const { value, grads } = weightedGradients(gradientCase, tensors);
      outputs[`${name}.value`] = value;
      grads.forEach((gradient, i) => (outputs[`${name}.${i}`] = gradient));
    }
    return outputs;
  });
  return { graph, inputs };
}

/** OpenVINO and XLA multiply and exponentiate less exactly than the others; all stay far below what training notices. */
const tolerance: Readonly<Record<EngineName, number>> = {
  reference: 0,
  onnx: 2e-6,
  openvino: 1e-5,
  xla: 5e-6,
  tensorflow: 2e-6,
};

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

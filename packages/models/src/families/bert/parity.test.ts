/** Logits, losses and gradients against what transformers computed (oracle/), on two engines. */
import { join } from 'node:path';
import { loadEngine, type Engine } from '@microtune/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cases,
  fixtures,
  layOutBatch,
  readJson,
  type StoredCase,
} from '../../../oracle/fixtures.js';
import { runTraced, type Weights } from '../../../oracle/run-traced.js';
import { loadModel, type LoadedModel } from '../../folder/load-model.js';
import { elementCount } from '../../optimizer/layout.js';
import { graphNames } from '../../program/program.js';
import { SafetensorsFile } from '../../safetensors/reader.js';

/** A row for each sample, and several samples in a row. */
const layouts = [
  { emptyRows: 2, samplesPerRow: 1 },
  { emptyRows: 1, samplesPerRow: 2 },
  { emptyRows: 0, samplesPerRow: 4 },
];

async function loadWeights(model: LoadedModel): Promise<Weights> {
  const views = new Map(
    model.program.parameters.map(({ name, shape }) => [
      name,
      new Float32Array(elementCount(shape)),
    ]),
  );
  const weights: Weights = ({ name }) => views.get(name) ?? new Float32Array();
  await model.load(weights);
  return weights;
}

/** Largest difference, relative to the largest expected value; a gradient that is 0 but for rounding (key biases) passes. */
function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  const scale = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-3);
  return expected.reduce(
    (max, value, i) => Math.max(max, Math.abs(value - (actual[i] ?? NaN)) / scale),
    0,
  );
}

describe.each(['reference', 'onnx'] as const)('engine %s', (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await loadEngine(engineName);
  });
  afterAll(() => {
    engine.dispose();
  });

  const placed = cases.flatMap((name) => layouts.map((layout) => ({ name, ...layout })));
  it.each(placed)(
    'gives the logits and the loss of transformers: $name, $samplesPerRow in a row',
    async ({ name, ...layout }) => {
      const stored = readJson<StoredCase>(name, 'expected.json');
      const model = await loadModel(join(fixtures, name), { seed: 1 });
      const { program } = model;
      const { shape, inputs } = layOutBatch(program, stored, layout);
      const outputs = await runTraced(engine, await program.traceEvaluation(shape), {
        parameters: program.parameters,
        weights: await loadWeights(model),
        inputs,
      });
      const logits = outputs.get(graphNames.logits) ?? new Float32Array();
      stored.logits.flat().forEach((value, i) => {
        expect(Math.abs(value - (logits[i] ?? NaN))).toBeLessThan(1e-4);
      });
      expect(outputs.get(graphNames.lossSum)?.[0]).toBeCloseTo(
        stored.losses[0]?.loss_sum ?? NaN,
        4,
      );
    },
  );

  const losses = cases.flatMap((name) =>
    readJson<StoredCase>(name, 'expected.json').losses.flatMap((loss) =>
      layouts.map((layout) => ({ name, ...loss, layout })),
    ),
  );
  it.each(losses)(
    'gives the gradients of transformers: $name, smoothing $smoothing, $layout.samplesPerRow in a row',
    async (loss) => {
      const stored = readJson<StoredCase>(loss.name, 'expected.json');
      const model = await loadModel(join(fixtures, loss.name), {
        seed: 1,
        labelSmoothing: loss.smoothing,
      });
      const { program } = model;
      const { shape, inputs } = layOutBatch(program, stored, loss.layout);
      const outputs = await runTraced(engine, await program.traceTraining(shape), {
        parameters: program.parameters,
        weights: await loadWeights(model),
        inputs,
      });
      expect(outputs.get(graphNames.lossSum)?.[0]).toBeCloseTo(loss.loss_sum, 4);
      const file = await SafetensorsFile.open(join(fixtures, loss.name, loss.gradients));
      let compared = 0;
      for (const parameter of program.parameters) {
        const { name } = parameter;
        const gradient = outputs.get(graphNames.gradient(name)) ?? new Float32Array();
        const expected = new Float32Array(gradient.length);
        await file.readInto(name, parameter.shape, expected);
        expect.soft(relativeDifference(gradient, expected), name).toBeLessThan(1e-3);
        compared++;
      }
      expect(compared).toBe(file.header.tensors.size);
      await file.close();
    },
  );
});

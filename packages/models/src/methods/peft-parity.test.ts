/** Logits, loss, gradients and twenty steps of adapters against what PEFT computed (oracle/make_adapters.py). */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createArena } from '@microtune/arena';
import { loadEngine, type Engine } from '@microtune/engine';
import { outputNames } from '@microtune/tasks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layOutDecoder, type StoredDecoder } from '../../oracle/decoders.js';
import { fixtures, layOutBatch, readJson, type StoredCase } from '../../oracle/fixtures.js';
import { runTraced } from '../../oracle/run-traced.js';
import { sparseRows } from '../../oracle/sparse-rows.js';
import { adapterOptions, methodOf, type AdapterSpec } from './method-spec.js';
import { adapterName } from './peft-names.js';
import { readAdapterFolder } from '../folder/adapter-folder.js';
import { loadModel, type LoadedModel } from '../folder/load-model.js';
import { mergedTensors } from '../folder/merge-model.js';
import { AdamW, optimizerCount } from '../optimizer/adamw.js';
import { layOutParameters } from '../optimizer/layout.js';
import { allocateTrainingState, blockCount, weightsOf } from '../optimizer/training-state.js';
import { graphNames } from '../program/program.js';
import { SafetensorsFile } from '../safetensors/reader.js';

interface StoredAdapter {
  readonly base: string;
  readonly loss_sum: number;
  readonly logits: readonly number[][];
  readonly training: {
    readonly learning_rate: number;
    readonly weight_decay: number;
    readonly rate_ratio: number;
    readonly losses: readonly number[];
  };
}

const names = readdirSync(join(fixtures, 'adapters')).filter((name) =>
  existsSync(join(fixtures, 'adapters', name, 'expected.json')),
);
const noDropout = {
  hiddenDropoutProb: 0,
  attentionProbsDropoutProb: 0,
  classifierDropout: 0,
};

function batchOf({ program }: LoadedModel, base: string) {
  const stored = readJson<StoredCase | StoredDecoder>(base, 'expected.json');
  return 'attention_mask' in stored
    ? { ...layOutBatch(program, stored), count: stored.labels.length, places: undefined, stored }
    : { ...layOutDecoder(stored, 1), count: countOf(stored), stored };
}

/** Labels that count. */
function countOf({ labels }: StoredDecoder): number {
  return labels
    .map((label) => (typeof label === 'number' ? [label] : label.slice(1)))
    .flat()
    .filter((label) => label !== -100).length;
}

async function open(name: string, rateRatio = 1) {
  const folder = join(fixtures, 'adapters', name);
  const found = (await readAdapterFolder(folder))!;
  // Through options and back, as a run that goes on from it.
  const written = { ...adapterOptions(found.method), adapterNameOrPath: folder };
  const config = { loraplusLrRatio: rateRatio, ...written } as Parameters<typeof methodOf>[0];
  const method = methodOf(config) as AdapterSpec;
  expect(method).toEqual({ ...found.method, ...(method.kind === 'lora' && { rateRatio }) });
  const expected = readJson<StoredAdapter>('adapters', name, 'expected.json');
  const task = { kind: 'sequence-classification', labels: ['a', 'b', 'c'] } as const;
  const isOfLabels = expected.base.endsWith('classification');
  const model = await loadModel(found.base, {
    ...{ seed: 3, method, adapter: folder, overrides: noDropout },
    ...(isOfLabels ? { task } : {}),
  });
  const layout = layOutParameters(model.program.parameters);
  const arena = await createArena(4 * blockCount(layout) + optimizerCount(layout) + 64);
  const state = allocateTrainingState(arena, layout, model.program.parameters);
  await model.load((parameter) => weightsOf(state, parameter));
  return { folder, model, expected, arena, layout, state };
}

/** The folders hold float32, so nothing is kept narrower. */
const floatsOf = (...given: Parameters<typeof weightsOf>): Float32Array =>
  weightsOf(...given) as Float32Array;

/** Largest difference, relative to the largest expected value. */
function relativeDifference(actual: Float32Array | undefined, expected: Float32Array): number {
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
  return expected.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (actual?.[i] ?? NaN)) / scale),
    0,
  );
}

describe.each(names)('the adapter %s', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await loadEngine('onnx');
  });
  afterAll(() => engine.dispose());

  it('has the logits of PEFT, as it is and merged, and its loss and gradients', async () => {
    const { folder, model, expected, state } = await open(name);
    const { program } = model;
    const { parameters } = program;
    const weights = new Map(parameters.map((each) => [each.name, floatsOf(state, each)]));
    const { shape, inputs, places } = batchOf(model, expected.base);
    const given = {
      parameters,
      weights: ({ name: each }: { name: string }) => weights.get(each)!,
      inputs,
    };
    const rowOf = (at: number): number =>
      places !== undefined && expected.logits.length === places.length ? places[at]! : at;
    const expectLogits = (logits: Float32Array | undefined): void => {
      for (const [at, row] of expected.logits.entries())
        for (const [i, value] of row.entries())
          expect(Math.abs(value - (logits?.[rowOf(at) * row.length + i] ?? NaN))).toBeLessThan(
            1e-4,
          );
    };
    expectLogits(
      (await runTraced(engine, await program.traceForward(shape), given)).get(outputNames.logits),
    );
    const trained = await runTraced(engine, await program.traceTraining(shape), given);
    expect(trained.get(graphNames.lossSum)?.[0]).toBeCloseTo(expected.loss_sum, 3);
    const file = await SafetensorsFile.open(join(folder, 'gradients.safetensors'));
    const ours = parameters.filter(({ trainable }) => trainable);
    expect(ours.map(({ name: each }) => adapterName(each)).sort()).toEqual(
      [...file.header.tensors.keys()].sort(),
    );
    for (const { name: each, shape: own } of ours) {
      const gradient = new Float32Array(weights.get(each)!.length);
      await file.readInto(adapterName(each), own, gradient);
      const difference = relativeDifference(trained.get(graphNames.gradient(each)), gradient);
      expect(difference, each).toBeLessThan(1e-3);
    }
    await file.close();

    const bare = await loadModel(join(fixtures, expected.base), { seed: 3, task: model.task });
    const merged = new Map(
      (await mergedTensors(folder, model)).map((tensor) => [tensor.name, tensor.values]),
    );
    const alone = await runTraced(engine, await bare.program.traceForward(shape), {
      parameters: bare.program.parameters,
      weights: ({ name: each }) => merged.get(each)!,
      inputs,
    });
    expectLogits(alone.get(outputNames.logits));
  });

  it('is trained on as PEFT trains it: the losses of 20 steps', async () => {
    const { training } = readJson<StoredAdapter>('adapters', name, 'expected.json');
    const { model, expected, arena, layout, state } = await open(name, training.rate_ratio);
    const { program } = model;
    const dense = arena.allocate(layout.denseCount);
    const optimizer = new AdamW(arena, state, {
      ...{ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: training.weight_decay },
    });
    const { shape, inputs, count, stored } = batchOf(model, expected.base);
    const graph = await program.traceTraining(shape);
    const byName = new Map(program.parameters.map((each) => [each.name, each]));
    for (const [step, loss] of training.losses.entries()) {
      const outputs = await runTraced(engine, graph, {
        parameters: program.parameters,
        weights: ({ name: each }) => floatsOf(state, byName.get(each)!),
        inputs,
      });
      expect(
        Math.abs(outputs.get(graphNames.lossSum)![0]! / count / loss - 1),
        `loss of step ${step}`,
      ).toBeLessThan(2e-4);
      for (const [each, { start }] of layout.places)
        dense.view.set(outputs.get(graphNames.gradient(each))!, start);
      const rows = layout.tables.map(({ name: each, shape: own }) =>
        sparseRows(outputs.get(graphNames.gradient(each))!, own[1]!, stored.input_ids.flat()),
      );
      optimizer.update({
        ...{ gradient: { dense, rows }, gradientScale: 1 / count },
        learningRate: training.learning_rate,
      });
    }
    expect(training.losses.at(-1)).toBeLessThan(training.losses[0]!);
  });
});

/** Twenty AdamW steps against PyTorch's: weight-decay groups, clipping, linear warm-up, dropout off (oracle/). */
import { join } from 'node:path';
import { createArena } from '@microtune/arena';
import { loadEngine } from '@microtune/engine';
import { assert } from '@microtune/shared';
import { expect, it } from 'vitest';
import { layOutBatch, fixtures, readJson, type StoredTraining } from '../../../oracle/fixtures.js';
import { runTraced } from '../../../oracle/run-traced.js';
import { sparseRows } from '../../../oracle/sparse-rows.js';
import { loadModel } from '../../folder/load-model.js';
import { AdamW, optimizerCount } from '../../optimizer/adamw.js';
import { clipCoefficient } from '../../optimizer/clipping.js';
import { layOutParameters } from '../../optimizer/layout.js';
import { allocateTrainingState, blockCount } from '../../optimizer/training-state.js';
import { graphNames } from '../../program/program.js';
import { paths } from './modules.js';

it.each(['reference', 'onnx'] as const)(
  'follows the losses of PyTorch: engine %s',
  async (engineName) => {
    const stored = readJson<StoredTraining>('training', 'expected.json');
    const model = await loadModel(join(fixtures, 'training'), { seed: 1 });
    const { program } = model;
    const layout = layOutParameters(program.parameters);
    const arena = await createArena(4 * blockCount(layout) + optimizerCount(layout));
    const state = allocateTrainingState(arena, layout);
    const dense = arena.allocate(layout.denseCount);
    await model.load((parameter) => state.parameters.view(parameter));
    const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: stored.weight_decay };
    const optimizer = new AdamW(arena, state, settings);
    const engine = await loadEngine(engineName);
    const training = await program.traceTraining({ rows: 6, tokens: 12, samplesPerRow: 1 });
    for (const [step, learningRate] of stored.learning_rates.entries()) {
      const batch = stored.batches[step % stored.batches.length];
      assert(batch, 'a batch per step');
      const outputs = await runTraced(engine, training, {
        parameters: program.parameters,
        weights: ({ name }) => viewOf(name),
        inputs: layOutBatch(program, batch).inputs,
      });
      for (const [name, { start }] of layout.places) {
        dense.view.set(outputs.get(graphNames.gradient(name)) ?? [], start);
      }
      const words = outputs.get(graphNames.gradient(`${paths.words}.weight`)) ?? new Float32Array();
      const gradient = { dense, rows: [sparseRows(words, 16, batch.input_ids.flat())] };
      const weight = batch.labels.length;
      const norm = optimizer.gradientNorm(gradient) / weight;
      const gradientScale = clipCoefficient(norm, stored.max_norm) / weight;
      optimizer.update({ gradient, learningRate, gradientScale });
      const loss = (outputs.get(graphNames.lossSum)?.[0] ?? NaN) / weight;
      expect
        .soft(Math.abs(loss - (stored.losses[step] ?? NaN)), `loss of step ${step}`)
        .toBeLessThan(1e-3);
      expect.soft(Math.abs(norm / (stored.gradient_norms[step] ?? NaN) - 1)).toBeLessThan(1e-2);
    }
    engine.dispose();

    function viewOf(name: string): Float32Array {
      const parameter = program.parameters.find((each) => each.name === name);
      assert(parameter, `the program has ${name}`);
      return state.parameters.view(parameter);
    }
  },
);

/** The real MiniLM against what transformers computed for it; skipped where the model is not there. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadEngine } from '@microtune/engine';
import { expect, it } from 'vitest';
import { layOutBatch, readJson, type StoredBatch } from '../../../oracle/fixtures.js';
import { runTraced } from '../../../oracle/run-traced.js';
import { loadModel } from '../../folder/load-model.js';
import { elementCount } from '../../optimizer/layout.js';
import { graphNames } from '../../program/program.js';

const folder = join(import.meta.dirname, '../../../../../../shared/models/minilm-l6');
const missing = existsSync(folder) ? '' : ` (skipped: no model in ${folder})`;

interface StoredMiniLm extends StoredBatch {
  logits: number[][];
  loss_sum: number;
  gradient_norms: Record<string, number>;
}

it.skipIf(missing !== '')(
  `gives the logits and gradient norms of transformers${missing}`,
  async () => {
    const stored = readJson<StoredMiniLm>('minilm.json');
    const overrides = { hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 };
    const model = await loadModel(folder, { seed: 1, overrides });
    expect(model.notes).toEqual([
      `classifier.bias, classifier.weight not found in ${folder}: created from seed 1`,
    ]);
    const { parameters } = model.program;
    const weights = new Map(
      parameters.map(({ name, shape }) => [name, new Float32Array(elementCount(shape))]),
    );
    const weightOf = ({ name }: { name: string }): Float32Array =>
      weights.get(name) ?? new Float32Array();
    await model.load(weightOf);
    const head = weightOf({ name: 'classifier.weight' });
    head.forEach((_, i) => {
      head[i] = 0.05 * Math.sin(i);
    });
    const engine = await loadEngine('onnx');
    const { shape, inputs } = layOutBatch(model.program, stored, { samplesPerRow: 2 });
    const given = { parameters, weights: weightOf, inputs };
    const evaluated = await runTraced(engine, await model.program.traceEvaluation(shape), given);
    const logits = evaluated.get(graphNames.logits) ?? new Float32Array();
    stored.logits.flat().forEach((value, i) => {
      expect(Math.abs(value - (logits[i] ?? NaN))).toBeLessThan(1e-4);
    });
    const trained = await runTraced(engine, await model.program.traceTraining(shape), given);
    expect(trained.get(graphNames.lossSum)?.[0]).toBeCloseTo(stored.loss_sum, 4);
    for (const { name } of parameters) {
      const gradient = trained.get(graphNames.gradient(name)) ?? new Float32Array();
      const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
      const expected = stored.gradient_norms[name] ?? NaN;
      // Key biases shift all scores of a row alike: their gradient is 0 but for rounding.
      if (expected < 1e-4) expect.soft(norm, name).toBeLessThan(1e-4);
      else expect.soft(Math.abs(norm / expected - 1), name).toBeLessThan(1e-3);
    }
    engine.dispose();
  },
);

/** Logits, losses and gradients of decoders against what transformers computed (oracle/make_decoders.py). */
import { join } from 'node:path';
import { loadEngine, type Engine } from '@microtune/engine';
import { correctName, outputNames } from '@microtune/tasks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  decoderFolder,
  layOutDecoder,
  weightsOfFolder,
  type StoredDecoder,
} from '../../oracle/decoders.js';
import { readJson } from '../../oracle/fixtures.js';
import { runTraced } from '../../oracle/run-traced.js';
import { readConfig } from '../folder/config-file.js';
import { causalLmHead } from '../heads/causal-lm.js';
import { labelHead } from '../heads/label-head.js';
import { graphNames, type ModelProgram } from '../program/program.js';
import { SafetensorsFile } from '../safetensors/reader.js';
import { createProgram } from '../program/create-program.js';
import { gpt2Body } from './gpt2/body.js';
import { parseGpt2Config } from './gpt2/config.js';
import { llamaBody } from './llama/body.js';
import { parseLlamaConfig } from './llama/config.js';
import { parseMistralConfig } from './mistral/config.js';
import { parseQwen2Config } from './qwen2/config.js';
import { parseQwen3Config } from './qwen3/config.js';

const parsers = {
  llama: parseLlamaConfig,
  mistral: parseMistralConfig,
  qwen2: parseQwen2Config,
  qwen3: parseQwen3Config,
};
const names = [
  'llama',
  'llama-tied',
  'llama-classification',
  'mistral',
  'qwen2',
  'qwen3',
  'gpt2',
  'gpt2-classification',
];

async function programOf(name: string, { head }: StoredDecoder): Promise<ModelProgram> {
  const raw = await readConfig(decoderFolder(name));
  const type = raw['model_type'] as keyof typeof parsers | 'gpt2';
  const config = type === 'gpt2' ? parseGpt2Config(raw, name) : parsers[type](raw, name);
  const body = 'scales' in config ? gpt2Body(config) : llamaBody(config);
  const task = { kind: 'sequence-classification', labels: ['a', 'b', 'c'] } as const;
  const output = config.tieWordEmbeddings ? undefined : 'lm_head';
  return createProgram({
    identity: 'test',
    body,
    head:
      head === 'classification'
        ? labelHead({ body, task, labelSmoothing: 0 })
        : causalLmHead({ body, output, labelSmoothing: 0 }),
  });
}

/** Largest difference, relative to the largest expected value. */
function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  const scale = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-3);
  return expected.reduce(
    (max, value, i) => Math.max(max, Math.abs(value - (actual[i] ?? NaN)) / scale),
    0,
  );
}

const layouts = names.flatMap((name) => [1, 3].map((samplesPerRow) => ({ name, samplesPerRow })));

describe.each(['reference', 'onnx'] as const)('engine %s', (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await loadEngine(engineName);
  });
  afterAll(() => {
    engine.dispose();
  });

  it.each(layouts)(
    'gives the logits and the loss of transformers: $name, $samplesPerRow in a row',
    async ({ name, samplesPerRow }) => {
      const stored = readJson<StoredDecoder>('decoders', name, 'expected.json');
      const program = await programOf(name, stored);
      const { parameters } = program;
      const weights = await weightsOfFolder(decoderFolder(name), parameters);
      const { shape, inputs, places } = layOutDecoder(stored, samplesPerRow);
      const given = { parameters, weights, inputs };
      const said = await runTraced(engine, await program.traceForward(shape), given);
      const logits = said.get(outputNames.logits) ?? new Float32Array();
      stored.logits.forEach((expected, at) => {
        const row = stored.head === 'causal-lm' ? (places[at] ?? NaN) : at;
        expected.forEach((value, i) => {
          const actual = logits[row * expected.length + i] ?? NaN;
          expect(Math.abs(value - actual)).toBeLessThan(1e-4);
        });
      });
      const evaluated = await runTraced(engine, await program.traceEvaluation(shape), given);
      expect(evaluated.get(outputNames.lossSum)?.[0]).toBeCloseTo(stored.loss_sum, 3);
      if (stored.head === 'causal-lm') expect(evaluated.get(correctName)?.[0]).toBe(stored.correct);
    },
  );

  it.each(layouts)(
    'gives the gradients of transformers: $name, $samplesPerRow in a row',
    async ({ name, samplesPerRow }) => {
      const stored = readJson<StoredDecoder>('decoders', name, 'expected.json');
      const program = await programOf(name, stored);
      const { parameters } = program;
      const weights = await weightsOfFolder(decoderFolder(name), parameters);
      const { shape, inputs } = layOutDecoder(stored, samplesPerRow);
      const given = { parameters, weights, inputs };
      const trained = await runTraced(engine, await program.traceTraining(shape), given);
      expect(trained.get(outputNames.lossSum)?.[0]).toBeCloseTo(stored.loss_sum, 3);
      const file = await SafetensorsFile.open(join(decoderFolder(name), 'gradients.safetensors'));
      expect(parameters.map(({ name: own }) => own).sort()).toEqual(
        [...file.header.tensors.keys()].sort(),
      );
      for (const { name: parameter, shape: own } of parameters) {
        const actual = trained.get(graphNames.gradient(parameter)) ?? new Float32Array();
        const expected = new Float32Array(actual.length);
        await file.readInto(parameter, own, expected);
        expect.soft(relativeDifference(actual, expected), parameter).toBeLessThan(1e-3);
      }
      await file.close();
    },
  );

  it("a classifier reads a text's last token, whatever its pad token does inside, alone and packed", async () => {
    const name = 'llama-classification';
    const inside = readJson<Pick<StoredDecoder, 'input_ids' | 'logits'>>(
      ...(['decoders', name, 'pad-inside.json'] as const),
    );
    const stored: StoredDecoder = {
      ...{ head: 'classification', loss_sum: 0, correct: 0, labels: [0, 0, 0] },
      ...inside,
    };
    const program = await programOf(name, stored);
    const { parameters } = program;
    const weights = await weightsOfFolder(decoderFolder(name), parameters);
    for (const samplesPerRow of [1, 3]) {
      const { shape, inputs } = layOutDecoder(stored, samplesPerRow);
      const given = { parameters, weights, inputs };
      const said = await runTraced(engine, await program.traceForward(shape), given);
      const logits = said.get(outputNames.logits) ?? new Float32Array();
      for (const [i, value] of stored.logits.flat().entries())
        expect(Math.abs(value - (logits[i] ?? NaN))).toBeLessThan(1e-5);
    }
  });
});

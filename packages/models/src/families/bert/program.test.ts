import { join } from 'node:path';
import { loadEngine, type Engine } from '@microtune/engine';
import { tokenInputs } from '@microtune/tasks';
import { assert, isLabelTask } from '@microtune/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  fixtures,
  layOutBatch,
  readJson,
  type GraphInputs,
  type StoredCase,
} from '../../../oracle/fixtures.js';
import { runTraced } from '../../../oracle/run-traced.js';
import { createModel } from '../../folder/load-model.js';
import { resolveTask } from '../../folder/task.js';
import { elementCount, layOutParameters } from '../../optimizer/layout.js';
import { graphNames, type ModelProgram } from '../../program/program.js';
import { createProgram } from '../../program/create-program.js';
import { bertBody } from './body.js';
import { parseBertConfig } from './config.js';
import { bertHead } from './heads.js';
import { paths } from './modules.js';

const raw = {
  ...readJson<Record<string, unknown>>('pair', 'config.json'),
  hidden_dropout_prob: 0.2,
  attention_probs_dropout_prob: 0.3,
};
const stored = readJson<StoredCase>('pair', 'expected.json');
const shape = { rows: 6, tokens: 12, samplesPerRow: 1 };

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine('reference');
});
afterAll(() => {
  engine.dispose();
});

function programOf(lastLayer: 'first-token' | 'every-token', config: object = raw): ModelProgram {
  const parsed = parseBertConfig(config as Record<string, unknown>, 'config');
  const task = resolveTask(config as Record<string, unknown>, {}, 'config');
  assert(isLabelTask(task), 'BERT has labels');
  return createProgram({
    identity: 'test',
    body: bertBody(parsed, lastLayer),
    head: bertHead(parsed, { task, labelSmoothing: 0.1 }),
  });
}

async function randomWeights(config: object = raw): Promise<Map<string, Float32Array>> {
  const model = createModel(config as Record<string, unknown>, { seed: 3 });
  const weights = new Map<string, Float32Array>();
  await model.load(({ name, shape: own }) => {
    const values = new Float32Array(elementCount(own));
    weights.set(name, values);
    return values;
  });
  return weights;
}

/** Of a mask over all positions, the part that belongs to position 0: what the short form is given. */
function shorten(mask: Uint8Array, from: readonly number[], to: readonly number[]): Uint8Array {
  if (elementCount(from) === elementCount(to)) return mask;
  const attention = from.length === 4; // [R, A, T, T] -> [R, A, 1, T]; else [R * T, H] -> [R, H]
  const width = from.at(-1) ?? 1;
  const stride = attention ? (from[2] ?? 1) * width : elementCount(from) / (to[0] ?? 1);
  const kept = new Uint8Array(elementCount(to));
  for (let at = 0; at * stride < mask.length; at++) {
    kept.set(mask.subarray(at * stride, at * stride + width), at * width);
  }
  return kept;
}

async function dropoutMasks(): Promise<{ long: GraphInputs; short: GraphInputs }> {
  const { dropoutSites: longSites } = await programOf('every-token').traceTraining(shape);
  const { dropoutSites: shortSites } = await programOf('first-token').traceTraining(shape);
  const long: GraphInputs = {};
  const short: GraphInputs = {};
  longSites.forEach((site, at) => {
    const mask = Uint8Array.from({ length: elementCount(site.shape) }, (_, i) =>
      ((i + 7 * at) * 2654435761) % 2 ** 32 < site.rate * 2 ** 32 ? 0 : 1,
    );
    const name = graphNames.dropoutMask(site.site);
    long[name] = mask;
    short[name] = shorten(mask, site.shape, shortSites[at]?.shape ?? []);
  });
  return { long, short };
}

describe('the BERT program', () => {
  it('has the same loss and gradients whether the last layer computes one token or all', async () => {
    const values = await randomWeights();
    const masks = await dropoutMasks();
    const run = async (
      form: 'first-token' | 'every-token',
      own: GraphInputs,
    ): Promise<Map<string, Float32Array>> => {
      const program = programOf(form);
      return runTraced(engine, await program.traceTraining(shape), {
        parameters: program.parameters,
        weights: ({ name }) => values.get(name) ?? new Float32Array(),
        inputs: { ...layOutBatch(program, stored).inputs, ...own },
      });
    };
    const long = await run('every-token', masks.long);
    const short = await run('first-token', masks.short);
    expect([...short.keys()].sort()).toEqual([...long.keys()].sort());
    for (const [name, expected] of long) {
      const actual = short.get(name) ?? new Float32Array();
      // Key biases shift all scores of a row alike: their gradient is 0 but for rounding.
      const least = name.endsWith('key.bias') ? 1e-2 : 1e-3;
      const scale = expected.reduce((max, value) => Math.max(max, Math.abs(value)), least);
      const worst = expected.reduce(
        (max, value, i) => Math.max(max, Math.abs(value - (actual[i] ?? NaN))),
        0,
      );
      expect.soft(worst / scale, name).toBeLessThan(1e-5);
    }
  });

  it('drops where HuggingFace drops, and nowhere in evaluation', async () => {
    const program = programOf('first-token');
    const { dropoutSites: sites } = await program.traceTraining(shape);
    expect(sites.map(({ site, rate, shape: mask }) => `${site} ${rate} [${mask.join()}]`)).toEqual([
      'embeddings 0.2 [72,16]',
      'layer.0.attention_probs 0.3 [6,4,12,12]',
      'layer.0.attention_output 0.2 [72,16]',
      'layer.0.output 0.2 [72,16]',
      'layer.1.attention_probs 0.3 [6,4,1,12]',
      'layer.1.attention_output 0.2 [6,16]',
      'layer.1.output 0.2 [6,16]',
      'classifier 0.2 [6,16]',
    ]);
    const evaluation = await program.traceEvaluation(shape);
    expect(evaluation.dropoutSites).toEqual([]);
    expect(evaluation.graph.inputs.filter(({ name }) => name.startsWith('dropout/'))).toEqual([]);
    expect(evaluation.graph.outputs.map(({ name }) => name)).toEqual([
      graphNames.lossSum,
      graphNames.logits,
    ]);
  });

  it('keeps the word table out of the graph', async () => {
    const program = programOf('first-token', { ...raw, vocab_size: 1009 });
    const { graph } = await program.traceTraining(shape);
    const values = [
      ...graph.inputs,
      ...graph.outputs,
      ...graph.nodes.flatMap(({ outputs }) => outputs),
    ];
    expect(values.filter(({ shape: own }) => own.includes(1009)).length).toBe(0);
    expect(graph.hostRows).toHaveLength(1);
    expect(graph.hostRows[0]).toMatchObject({
      table: 'bert.embeddings.word_embeddings.weight',
      tableShape: [1009, 16],
      ids: tokenInputs.inputIds.name,
    });
  });

  it('runs a model with one token type', async () => {
    const config = {
      ...raw,
      type_vocab_size: 1,
      hidden_dropout_prob: 0,
      attention_probs_dropout_prob: 0,
    };
    const values = await randomWeights(config);
    const program = programOf('first-token', config);
    const outputs = await runTraced(engine, await program.traceTraining(shape), {
      parameters: program.parameters,
      weights: ({ name }) => values.get(name) ?? new Float32Array(),
      inputs: layOutBatch(program, stored).inputs,
    });
    const words =
      outputs.get(graphNames.gradient('bert.embeddings.word_embeddings.weight')) ??
      new Float32Array();
    const types =
      outputs.get(graphNames.gradient('bert.embeddings.token_type_embeddings.weight')) ?? [];
    // Every token adds the one type row, so its gradient is the sum of all words' gradients.
    for (let column = 0; column < 16; column++) {
      const sum = words.filter((_, i) => i % 16 === column).reduce((a, b) => a + b, 0);
      expect(types[column]).toBeCloseTo(sum, 5);
    }
  });

  it('has one parameter per tensor of HuggingFace, in two decay ranges', () => {
    const { parameters } = programOf('first-token');
    expect(parameters[0]).toMatchObject({ name: `${paths.words}.weight`, gradient: 'rows' });
    expect(layOutParameters(parameters).decayRanges.map(({ decay }) => decay)).toEqual([
      true,
      false,
    ]);
    expect(
      parameters
        .filter(({ name }) => name.includes('layer.1.attention.self'))
        .map(({ name, shape: own }) => `${name} [${own.join()}]`),
    ).toEqual([
      'bert.encoder.layer.1.attention.self.query.weight [16,16]',
      'bert.encoder.layer.1.attention.self.query.bias [16]',
      'bert.encoder.layer.1.attention.self.key.weight [16,16]',
      'bert.encoder.layer.1.attention.self.key.bias [16]',
      'bert.encoder.layer.1.attention.self.value.weight [16,16]',
      'bert.encoder.layer.1.attention.self.value.bias [16]',
    ]);
  });
});

describe('parseBertConfig', () => {
  it.each([
    [{ hidden_size: 15 }, 'not a multiple of num_attention_heads'],
    [{ hidden_size: 18, num_attention_heads: 3 }, 'not a multiple of 4'],
    [{ hidden_act: 'mish' }, 'hidden_act'],
    [{ num_hidden_layers: 0 }, 'num_hidden_layers'],
    [{ is_decoder: true }, 'is_decoder'],
    [{ position_embedding_type: 'relative_key' }, 'position_embedding_type'],
    [{ vocab_size: '30522' }, 'vocab_size'],
  ])('refuses %j', (keys, message) => {
    expect(() => parseBertConfig({ ...raw, ...keys }, join(fixtures, 'config.json'))).toThrow(
      message,
    );
  });
});

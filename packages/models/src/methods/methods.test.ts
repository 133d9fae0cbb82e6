import { loadEngine, type Engine } from '@microtune/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layOutBatch, readJson, type StoredCase } from '../../oracle/fixtures.js';
import { runTraced } from '../../oracle/run-traced.js';
import { createModel, type LoadedModel } from '../folder/load-model.js';
import { elementCount, layOutParameters } from '../optimizer/layout.js';
import { graphNames } from '../program/program.js';
import { loraNames } from './peft-names.js';
import { loraDefaults, type Ia3Spec, type LoraSpec, type MethodSpec } from './method-spec.js';

const raw = {
  ...readJson<Record<string, unknown>>('pair', 'config.json'),
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
};
const stored = readJson<StoredCase>('pair', 'expected.json');
const lora: LoraSpec = { ...loraDefaults, r: 4, alpha: 6 };

const ia3: Ia3Spec = {
  kind: 'ia3',
  targets: undefined,
  feedforward: undefined,
  exclude: undefined,
  modulesToSave: [],
  isFound: false,
};

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine('reference');
});
afterAll(() => engine.dispose());

const modelOf = (method: MethodSpec, config: object = {}): LoadedModel =>
  createModel({ ...raw, ...config }, { seed: 3, method });
const trainedOf = ({ program }: LoadedModel): string[] =>
  program.parameters.filter(({ trainable }) => trainable).map(({ name }) => name);

type Weights = Map<string, Float32Array>;

async function weightsOf(model: LoadedModel): Promise<Weights> {
  const weights: Weights = new Map();
  await model.load(({ name, shape }) => {
    const values = new Float32Array(elementCount(shape));
    weights.set(name, values);
    return values;
  });
  return weights;
}

async function train({ program }: LoadedModel, weights: Weights) {
  const { shape, inputs } = layOutBatch(program, stored);
  const training = await program.traceTraining(shape);
  const outputs = await runTraced(engine, training, {
    parameters: program.parameters,
    weights: ({ name }) => weights.get(name)!,
    inputs,
  });
  return { outputs, graph: training.graph };
}

/** [rows, inner] times [inner, columns], each perhaps transposed before. */
function product(
  a: (row: number, inner: number) => number,
  b: (inner: number, column: number) => number,
  [rows, inner, columns]: readonly [number, number, number],
): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    let sum = 0;
    for (let i = 0; i < inner; i++) sum += a(Math.floor(at / columns), i) * b(i, at % columns);
    return sum;
  });
}

function relativeError(actual: Float32Array | undefined, expected: Float32Array): number {
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  return expected.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (actual?.[i] ?? Number.NaN)) / scale),
    0,
  );
}

describe('what is trained', () => {
  it.each<[MethodSpec, (name: string) => boolean]>([
    [{ kind: 'full' }, () => true],
    [{ kind: 'head_only' }, (name) => name.startsWith('classifier.')],
    [{ kind: 'bitfit' }, (name) => name.endsWith('.bias') || name.startsWith('classifier.')],
    [
      { kind: 'freeze', patterns: ['embeddings', 'layer\\.0\\.'] },
      (name) => !name.includes('embeddings') && !name.includes('layer.0.'),
    ],
  ])('%j', async (method, expected) => {
    const model = modelOf(method);
    const { parameters } = model.program;
    const names = trainedOf(model);
    expect(names).toEqual(parameters.map(({ name }) => name).filter(expected));
    expect(names.length).toBeGreaterThan(0);
    // The loss and every gradient are those of the whole model: freezing changes what is computed, not what it is.
    const weights = await weightsOf(model);
    const { outputs, graph } = await train(model, weights);
    const whole = await train(modelOf({ kind: 'full' }), weights);
    expect(outputs.get(graphNames.lossSum)).toEqual(whole.outputs.get(graphNames.lossSum));
    const gradients = graph.outputs.map(({ name }) => name).filter((name) => /^grad/.test(name));
    expect(gradients.sort()).toEqual(names.map(graphNames.gradient).sort());
    for (const name of names.map(graphNames.gradient))
      expect(relativeError(outputs.get(name), whole.outputs.get(name)!), name).toBeLessThan(1e-5);
    if (method.kind !== 'full') expect(graph.nodes.length).toBeLessThan(whole.graph.nodes.length);
  });

  it('computes no backward pass below the lowest layer that is trained', async () => {
    const products = async (method: MethodSpec) => {
      const { program } = modelOf(method);
      const { graph } = await program.traceTraining({ rows: 2, tokens: 8, samplesPerRow: 1 });
      return graph.nodes.filter(({ op }) => op === 'matMul').length;
    };
    const { program } = modelOf({ kind: 'full' });
    const forward = await program.traceForward({ rows: 2, tokens: 8, samplesPerRow: 1 });
    const needed = forward.graph.nodes.filter(({ op }) => op === 'matMul').length;
    // The classifier's own gradient is one product more than the forward pass.
    expect(await products({ kind: 'head_only' })).toBe(needed + 1);
    expect(await products({ kind: 'full' })).toBeGreaterThan(2 * needed);
  });

  it.each<[MethodSpec, RegExp]>([
    [{ kind: 'freeze', patterns: [] }, /needs --freeze_parameters/],
    [{ kind: 'freeze', patterns: ['('] }, /is no regular expression/],
    [{ kind: 'freeze', patterns: ['decoder'] }, /no parameter matches decoder/],
    [{ ...lora, targets: ['q_proj'] }, /no module q_proj; its modules end in query, key, value/],
    [{ ...lora, targets: ['LayerNorm'] }, /LayerNorm is a layerNorm, and adapters go to products/],
    [{ ...lora, targets: ['query', 'vlaue'] }, /no module vlaue; did you mean value\?/],
    [{ ...lora, targets: /^nothing$/ }, /the model has no module/],
    [{ ...lora, exclude: ['query', 'value'] }, /of query, value nothing is left once excluded/],
    [{ ...lora, layers: [7] }, /nothing is left once excluded modules, other layers/],
    [{ ...lora, modulesToSave: ['poler'] }, /--lora_modules_to_save: .* no module poler/],
    [{ ...lora, rankPattern: { key: 2 } }, /--lora_rank_pattern: no adapted module ends in key/],
    [{ ...lora, alphaPattern: { '(': 2 } }, /lora_alpha_pattern: "\(" is no regular expression/],
    [{ ...ia3, feedforward: ['query'] }, /query is none of the target modules/],
  ])('refuses %j', (method, message) => {
    expect(() => modelOf(method)).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: expect.stringMatching(message) as unknown,
      }) as Error,
    );
  });
});

describe('LoRA', () => {
  const self = 'bert.encoder.layer.0.attention.self';

  it('goes where PEFT puts it, with its names and shapes', () => {
    const names = (more: Partial<LoraSpec>) =>
      modelOf({ ...lora, ...more })
        .program.parameters.filter(({ trainable }) => trainable)
        .map(({ name, shape }) => `${name} [${shape.join()}]`);
    const peft = `base_model.model.${self}`;
    expect(names({}).filter((name) => !name.includes('layer.1'))).toEqual([
      'classifier.weight [2,16]',
      'classifier.bias [2]',
      `${peft}.query.lora_A.weight [4,16]`,
      `${peft}.query.lora_B.weight [16,4]`,
      `${peft}.value.lora_A.weight [4,16]`,
      `${peft}.value.lora_B.weight [16,4]`,
    ]);
    expect(names({ targets: /^bert\.encoder\.layer\.0\.output\.dense$/ }).slice(2)).toEqual([
      'base_model.model.bert.encoder.layer.0.output.dense.lora_A.weight [4,32]',
      'base_model.model.bert.encoder.layer.0.output.dense.lora_B.weight [16,4]',
    ]);
    // Six products a layer, and the pooler; the classifier is trained whole.
    expect(names({ targets: 'all-linear' }).length).toBe(2 + 2 * (2 * 6 + 1));
    expect(names({ modulesToSave: ['pooler.dense'] })[0]).toBe('bert.pooler.dense.weight [16,16]');
  });

  it('begins as the model it is put on', async () => {
    const model = modelOf({ ...lora, targets: 'all-linear' });
    const weights = await weightsOf(model);
    const { outputs } = await train(model, weights);
    const plain = await train(modelOf({ kind: 'full' }), weights);
    expect(outputs.get(graphNames.lossSum)).toEqual(plain.outputs.get(graphNames.lossSum));
    const a = weights.get(loraNames(`${self}.query`).a)!;
    expect(Math.max(...a.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(16));
    expect(new Set(a).size).toBeGreaterThan(60);
  });

  it.each([
    { useRslora: false, scale: 6 / 4 },
    { useRslora: true, scale: 6 / 2 },
  ])('computes with W + s B A, and has its gradients: $useRslora', async ({ useRslora, scale }) => {
    const model = modelOf({ ...lora, useRslora });
    const weights = await weightsOf(model);
    const adapted = [0, 1].flatMap((layer) =>
      ['query', 'value'].map((part) => `bert.encoder.layer.${layer}.attention.self.${part}`),
    );
    // The oracle: the plain model on merged weights, which is proved against transformers.
    const merged: Weights = new Map(weights);
    for (const path of adapted) {
      const [a, b] = [weights.get(loraNames(path).a)!, weights.get(loraNames(path).b)!];
      b.forEach((_, i) => {
        b[i] = 0.3 * Math.sin(i + path.length);
      });
      const update = product(
        (row, i) => b[4 * row + i]!,
        (i, column) => a[16 * i + column]!,
        [16, 4, 16],
      );
      const weight = weights.get(`${path}.weight`)!;
      merged.set(
        `${path}.weight`,
        weight.map((value, i) => value + scale * update[i]!),
      );
    }
    const { outputs } = await train(model, weights);
    const plain = await train(modelOf({ kind: 'full' }), merged);
    const loss = plain.outputs.get(graphNames.lossSum)![0]!;
    expect(Math.abs(outputs.get(graphNames.lossSum)![0]! / loss - 1)).toBeLessThan(1e-5);
    // dA = s Bᵀ dW and dB = s dW Aᵀ, with the plain model's dW.
    for (const path of adapted) {
      const [a, b] = [weights.get(loraNames(path).a)!, weights.get(loraNames(path).b)!];
      const dW = plain.outputs.get(graphNames.gradient(`${path}.weight`))!;
      const dA = product(
        (row, i) => scale * b[4 * i + row]!,
        (i, column) => dW[16 * i + column]!,
        [4, 16, 16],
      );
      const dB = product(
        (row, i) => scale * dW[16 * row + i]!,
        (i, column) => a[16 * column + i]!,
        [16, 16, 4],
      );
      const gradientOf = (name: string) => outputs.get(graphNames.gradient(name));
      expect(relativeError(gradientOf(loraNames(path).a), dA), path).toBeLessThan(1e-4);
      expect(relativeError(gradientOf(loraNames(path).b), dB), path).toBeLessThan(1e-4);
    }
  });

  it('drops what goes into its matrices, in training alone', async () => {
    const { program } = modelOf({ ...lora, dropout: 0.25 });
    const shape = { rows: 2, tokens: 8, samplesPerRow: 1 };
    const { dropoutSites } = await program.traceTraining(shape);
    expect(dropoutSites.map((site) => `${site.site} ${site.rate} [${site.shape.join()}]`)).toEqual([
      `${self}.query.lora_dropout 0.25 [16,16]`,
      `${self}.value.lora_dropout 0.25 [16,16]`,
      'bert.encoder.layer.1.attention.self.query.lora_dropout 0.25 [2,16]',
      'bert.encoder.layer.1.attention.self.value.lora_dropout 0.25 [16,16]',
    ]);
    expect((await program.traceEvaluation(shape)).dropoutSites).toEqual([]);
  });

  it('leaves nothing but itself and the head in the arena', () => {
    const layout = layOutParameters(modelOf(lora).program.parameters);
    expect(layout.tables).toEqual([]);
    expect(layout.parameters.every(({ name }) => /lora_|^classifier/.test(name))).toBe(true);
  });
});

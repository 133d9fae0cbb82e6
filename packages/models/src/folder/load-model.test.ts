import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtures } from '../../oracle/fixtures.js';
import { elementCount } from '../optimizer/layout.js';
import { SafetensorsFile } from '../safetensors/reader.js';
import { writeModelFiles, writeSafetensors, type OutputTensor } from '../safetensors/writer.js';
import { checkWeights } from './check-weights.js';
import type { HfConfig } from './config-file.js';
import { createModel, loadModel, type LoadedModel } from './load-model.js';

const source = join(fixtures, 'classification');
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'load-model-'));
});
afterAll(async () => rm(root, { recursive: true }));

async function weightsOf(model: LoadedModel): Promise<Map<string, Float32Array>> {
  const weights = new Map<string, Float32Array>();
  await model.load(({ name, shape }) => {
    const values = new Float32Array(elementCount(shape));
    weights.set(name, values);
    return values;
  });
  return weights;
}

async function tensorsOfFixture(): Promise<OutputTensor[]> {
  const file = await SafetensorsFile.open(join(source, 'model.safetensors'));
  const tensors: OutputTensor[] = [];
  for (const { name, shape } of file.header.tensors.values()) {
    const values = new Float32Array(elementCount(shape));
    await file.readInto(name, shape, values);
    tensors.push({ name, shape, values });
  }
  await file.close();
  return tensors;
}

/** A folder with the fixture's config and other weights. */
async function variant(
  name: string,
  tensors: readonly OutputTensor[],
  maxShardBytes = 1e9,
): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder);
  await cp(join(source, 'config.json'), join(folder, 'config.json'));
  await writeModelFiles(folder, tensors, maxShardBytes);
  return folder;
}

const renamed = (
  tensors: readonly OutputTensor[],
  rename: (name: string) => string,
): OutputTensor[] => tensors.map((tensor) => ({ ...tensor, name: rename(tensor.name) }));

describe('loadModel', () => {
  it('reads the same weights from every form of a folder', async () => {
    const tensors = await tensorsOfFixture();
    const expected = await weightsOf(await loadModel(source, { seed: 1 }));
    const old = (name: string): string =>
      name
        .replace('LayerNorm.weight', 'LayerNorm.gamma')
        .replace('LayerNorm.bias', 'LayerNorm.beta');
    const bare = (name: string): string => name.replace(/^bert\./, '');
    const buffer = {
      name: 'embeddings.position_ids',
      shape: [1, 2],
      values: Float32Array.of(0, 1),
    };
    const folders = [
      await variant('sharded', tensors, 6000),
      await variant('bare', [...renamed(tensors, bare), buffer]),
      await variant('gamma-beta', renamed(tensors, old)),
      await variant(
        'bare-gamma-beta',
        renamed(tensors, (name) => bare(old(name))),
      ),
    ];
    for (const folder of folders) {
      const model = await loadModel(folder, { seed: 2 });
      expect(model.notes).toEqual([]);
      expect(await weightsOf(model)).toEqual(expected);
    }
  });

  it('creates a missing head and pooler from the seed, and says so', async () => {
    const body = (await tensorsOfFixture()).filter(({ name }) => !/pooler|classifier/.test(name));
    const folder = await variant('headless', body);
    const model = await loadModel(folder, {
      seed: 7,
      task: { kind: 'sequence-classification', labels: ['a', 'b', 'c', 'd'] },
    });
    expect(model.notes).toEqual([
      'bert.pooler.dense.bias, bert.pooler.dense.weight, classifier.bias, classifier.weight not found in ' +
        `${folder}: created from seed 7`,
    ]);
    const first = await weightsOf(model);
    expect(first.get('classifier.weight')).toHaveLength(4 * 16);
    expect(first.get('classifier.weight')?.every((value) => value !== 0)).toBe(true);
    expect(first.get('classifier.bias')?.every((value) => value === 0)).toBe(true);
    expect(await weightsOf(await loadModel(folder, { seed: 7, numLabels: 4 }))).toEqual(first);
    expect(await weightsOf(await loadModel(folder, { seed: 8, numLabels: 4 }))).not.toEqual(first);
  });

  it('begins from scratch with the values of a model without a folder, whether the folder holds weights or not', async () => {
    const config = JSON.parse(await readFile(join(source, 'config.json'), 'utf8')) as HfConfig;
    const task = { kind: 'sequence-classification', labels: ['a', 'b'] } as const;
    const made = await weightsOf(createModel(config, { seed: 7, task }));
    const empty = join(root, 'config-alone');
    await mkdir(empty);
    await cp(join(source, 'config.json'), join(empty, 'config.json'));
    for (const folder of [source, empty]) {
      const model = await loadModel(folder, { seed: 7, task, fromScratch: true });
      expect(model.folder).toBe(folder);
      expect(model.notes).toEqual(['all weights are random, from seed 7']);
      expect(await weightsOf(model)).toEqual(made);
    }
    await expect(loadModel(empty, { seed: 7, task })).rejects.toThrow(
      `${empty}: holds neither model.safetensors nor model.safetensors.index.json; to train from random weights, add --from_scratch`,
    );
  });

  it('reads every tensor of the file as a parameter of that name', async () => {
    const tensors = new Map((await tensorsOfFixture()).map(({ name, values }) => [name, values]));
    const weights = await weightsOf(await loadModel(source, { seed: 1 }));
    expect([...weights.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, values] of tensors) expect(weights.get(name), name).toEqual(values);
  });

  it('keeps what config.json says, but for what the user asks', async () => {
    const overrides = { hiddenDropoutProb: 0.3, classifierDropout: 0.4 };
    const model = await loadModel(source, {
      seed: 1,
      task: { kind: 'sequence-classification', labels: ['a', 'b', 'c'] },
      overrides,
    });
    expect(model.config).toMatchObject({
      architectures: ['BertForSequenceClassification'],
      hidden_dropout_prob: 0.3,
      classifier_dropout: 0.4,
      label2id: { a: 0, b: 1, c: 2 },
      transformers_version: '5.23.0',
    });
    expect(model).toMatchObject({
      maxTokens: 24,
      padTokenId: 0,
      task: { labels: ['a', 'b', 'c'] },
    });
  });

  it('names the tensor that is missing or wrong', async () => {
    const tensors = await tensorsOfFixture();
    const key = 'bert.encoder.layer.1.attention.self.key.weight';
    const without = await variant(
      'without',
      tensors.filter(({ name }) => name !== key),
    );
    await expect(loadModel(without, { seed: 1 })).rejects.toMatchObject({
      code: 'data',
      message: `${without}: tensor "${key}" is missing`,
    });
    const flat = await variant(
      'flat',
      tensors.map((tensor) => (tensor.name === key ? { ...tensor, shape: [256] } : tensor)),
    );
    await expect(loadModel(flat, { seed: 1 })).rejects.toMatchObject({
      code: 'data',
      message: `${join(flat, 'model.safetensors')}: tensor "${key}" has shape [256], expected [16, 16]`,
    });
    await expect(loadModel(source, { seed: 1, numLabels: 5 })).rejects.toThrow(
      'tensor "classifier.weight" has shape [3, 16], expected [5, 16]: the model was trained for another number of labels',
    );
  });

  it.each([NaN, Infinity, -Infinity])(
    'refuses %d in the weights: the run would blame its learning rate and its rows',
    async (value) => {
      const key = 'bert.encoder.layer.1.attention.self.key.weight';
      const tensors = await tensorsOfFixture();
      for (const { name, values } of tensors) if (name === key) values.fill(value, 5, 7);
      const folder = await variant(`holds ${value}`, tensors);
      const model = await loadModel(folder, { seed: 1 });
      const refusal = {
        code: 'data',
        message:
          `${join(folder, 'model.safetensors')}: tensor "${key}" holds 2 of 256 values that are not finite, ` +
          `the first ${value} at index 5: the model is broken; take an earlier copy of it, or download it again`,
      };
      await expect(weightsOf(model)).rejects.toMatchObject(refusal);
      await expect(checkWeights(model)).rejects.toMatchObject(refusal);
    },
  );

  it('refuses weights of more layers than config.json says: the rest would be left out without a word', async () => {
    const tensors = await tensorsOfFixture();
    const bare = renamed(tensors, (name) => name.replace(/^bert\./, ''));
    for (const [name, given] of [
      ['layers', tensors],
      ['layers without bert.', bare],
    ] as const) {
      const folder = await variant(name, given);
      const file = join(folder, 'config.json');
      const config = JSON.parse(await readFile(file, 'utf8')) as object;
      await writeFile(file, JSON.stringify({ ...config, num_hidden_layers: 1 }));
      await expect(loadModel(folder, { seed: 1 })).rejects.toMatchObject({
        code: 'data',
        message: expect.stringMatching(
          /config\.json: the number of layers is 1, the weights hold 2 \(tensor "(bert\.)?encoder\.layer\.1\./,
        ) as string,
      });
    }
  });

  it('refuses a tensor of a layer that it would not use', async () => {
    const name = 'bert.encoder.layer.0.attention.self.distance_embedding.weight';
    const extra = { name, shape: [3, 4], values: new Float32Array(12) };
    const folder = await variant('distances', [...(await tensorsOfFixture()), extra]);
    await expect(loadModel(folder, { seed: 1 })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining(`tensor "${name}" has no place in layer 0`) as string,
    });
  });

  it('lets other heads and buffers be', async () => {
    const others = [
      'cls.predictions.bias',
      'cls.seq_relationship.weight',
      'embeddings.position_ids',
    ];
    const extra = others.map((name) => ({ name, shape: [2], values: Float32Array.of(0, 1) }));
    const folder = await variant('heads', [...(await tensorsOfFixture()), ...extra]);
    expect((await loadModel(folder, { seed: 1 })).notes).toEqual([]);
  });

  it('lets the largest and the smallest finite weights pass', async () => {
    const tensors = await tensorsOfFixture();
    for (const { values } of tensors) {
      values.set([3.4028234e38, -3.4028234e38, 1e-45, -0].slice(0, values.length));
    }
    const model = await loadModel(await variant('extreme', tensors), { seed: 1 });
    await expect(checkWeights(model)).resolves.toBeUndefined();
  });

  it('refuses integers where numbers are needed', async () => {
    const folder = await variant('integers', []);
    const path = join(folder, 'model.safetensors');
    await writeSafetensors(path, await tensorsOfFixture());
    const bytes = await readFile(path);
    // Same size, another dtype, for the first tensor of the header.
    await writeFile(
      path,
      Buffer.from(bytes.toString('latin1').replace('"F32"', '"I32"'), 'latin1'),
    );
    await expect(loadModel(folder, { seed: 1 })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(
        /tensor "bert\..*" is I32, expected one of F32, F16, BF16, F64: quantized/,
      ) as string,
    });
  });

  it('refuses a quantized model by its method', () => {
    const config = { model_type: 'bert', quantization_config: { quant_method: 'gptq', bits: 4 } };
    expect(() => createModel(config, { seed: 1 })).toThrow(
      'config: the model is quantized (gptq): quantized weights cannot be trained',
    );
  });

  it.each([
    [
      'distilbert',
      'usage',
      'model_type is "distilbert"; supported: bert, gpt2, llama, mistral, qwen2, qwen3',
    ],
    [
      undefined,
      'usage',
      'model_type is missing; supported: bert, gpt2, llama, mistral, qwen2, qwen3',
    ],
  ])('lists the supported families: %s', async (type, code, message) => {
    const folder = join(root, `family-${String(type)}`);
    await mkdir(folder);
    await writeFile(join(folder, 'config.json'), JSON.stringify({ model_type: type }));
    await expect(loadModel(folder, { seed: 1 })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });

  it('says what is missing or broken in a folder', async () => {
    await expect(loadModel(join(root, 'nowhere'), { seed: 1 })).rejects.toMatchObject({
      code: 'usage',
    });
    const folder = join(root, 'broken');
    await mkdir(folder);
    await expect(loadModel(folder, { seed: 1 })).rejects.toMatchObject({ code: 'usage' });
    await writeFile(join(folder, 'config.json'), '{');
    await expect(loadModel(folder, { seed: 1 })).rejects.toMatchObject({ code: 'data' });
    await writeFile(join(folder, 'config.json'), '[]');
    await expect(loadModel(folder, { seed: 1 })).rejects.toMatchObject({ code: 'data' });
    await cp(join(source, 'config.json'), join(folder, 'config.json'));
    await expect(loadModel(folder, { seed: 1 })).rejects.toThrow('neither model.safetensors nor');
  });
});

describe('createModel', () => {
  it('initialises as transformers does', async () => {
    const config = {
      model_type: 'bert',
      vocab_size: 100,
      hidden_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 4,
      intermediate_size: 64,
    };
    const model = createModel(config, { seed: 5, numLabels: 3 });
    expect(model.notes).toEqual(['all weights are random, from seed 5']);
    const weights = await weightsOf(model);
    const words = weights.get('bert.embeddings.word_embeddings.weight') ?? new Float32Array();
    expect(words.subarray(0, 32).every((value) => value === 0)).toBe(true);
    const deviation = Math.sqrt(words.reduce((sum, value) => sum + value * value, 0) / (99 * 32));
    expect(deviation).toBeCloseTo(0.02, 2);
    expect(weights.get('bert.embeddings.LayerNorm.weight')).toEqual(new Float32Array(32).fill(1));
  });

  it('refuses label smoothing of a regression', () => {
    expect(() =>
      createModel({ model_type: 'bert' }, { seed: 1, numLabels: 1, labelSmoothing: 0.1 }),
    ).toThrow('label_smoothing_factor has no meaning for regression');
  });
});

/** Folders of decoders as they are found: with and without prefixes, with buffers that are no weights, wrong ones. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoderFolder } from '../../oracle/decoders.js';
import { createModel, loadModel, type LoadedModel } from '../folder/load-model.js';
import { elementCount } from '../optimizer/layout.js';
import { SafetensorsFile } from '../safetensors/reader.js';
import { writeModelFiles, type OutputTensor } from '../safetensors/writer.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'decoders-'));
});
afterAll(async () => rm(root, { recursive: true }));

async function tensorsOf(name: string): Promise<OutputTensor[]> {
  const file = await SafetensorsFile.open(join(decoderFolder(name), 'model.safetensors'));
  const tensors: OutputTensor[] = [];
  for (const { name: tensor, shape } of file.header.tensors.values()) {
    const values = new Float32Array(elementCount(shape));
    await file.readInto(tensor, shape, values);
    tensors.push({ name: tensor, shape, values });
  }
  await file.close();
  return tensors;
}

/** The stored folder with other tensors and other keys of config.json. */
async function variant(
  name: string,
  change: (tensors: OutputTensor[]) => OutputTensor[],
  keys: object = {},
): Promise<string> {
  const folder = await mkdtemp(join(root, `${name}-`));
  await cp(decoderFolder(name), folder, { recursive: true });
  await rm(join(folder, 'model.safetensors'));
  await writeModelFiles(folder, change(await tensorsOf(name)), 4000);
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as object;
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, ...keys }));
  return folder;
}

async function weightsOf(model: LoadedModel): Promise<Map<string, Float32Array>> {
  const weights = new Map<string, Float32Array>();
  await model.load(({ name, shape }) => {
    const values = new Float32Array(elementCount(shape));
    weights.set(name, values);
    return values;
  });
  return weights;
}

const without = (prefix: string) => (tensors: OutputTensor[]) =>
  tensors.map((tensor) => ({ ...tensor, name: tensor.name.replace(prefix, '') }));
const buffer = (name: string, shape: readonly number[]): OutputTensor => ({
  name,
  shape,
  values: new Float32Array(elementCount(shape)),
});

describe('a folder of a decoder', () => {
  it.each([
    ['gpt2-classification', 'transformer.', 'h.0.attn.bias', [1, 1, 32, 32]],
    ['llama-classification', 'model.', 'layers.0.self_attn.rotary_emb.inv_freq', [2]],
  ])(
    'is read without its prefix, in several files, with buffers: %s',
    async (name, prefix, extra, shape) => {
      const expected = await weightsOf(await loadModel(decoderFolder(name), { seed: 1 }));
      const published = await variant(name, (tensors) => [
        ...without(prefix)(tensors),
        buffer(extra, shape),
      ]);
      const model = await loadModel(published, { seed: 1 });
      expect(model.notes).toEqual([]);
      expect(await weightsOf(model)).toEqual(expected);
    },
  );

  it('gets a classifier from the seed, and says so', async () => {
    const folder = await variant('llama-classification', (tensors) =>
      tensors.filter(({ name }) => name !== 'score.weight'),
    );
    const model = await loadModel(folder, { seed: 7 });
    expect(model.notes).toEqual([`score.weight not found in ${folder}: created from seed 7`]);
    const score = (await weightsOf(model)).get('score.weight');
    expect(score?.some((value) => value !== 0)).toBe(true);
  });

  it('is refused where a tensor is missing or of a layer too many', async () => {
    const key = 'model.layers.1.mlp.up_proj.weight';
    const missing = await variant('llama-classification', (tensors) =>
      tensors.filter(({ name }) => name !== key),
    );
    await expect(loadModel(missing, { seed: 1 })).rejects.toThrow(`tensor "${key}" is missing`);
    const more = await variant('llama-classification', (tensors) => tensors, {
      num_hidden_layers: 1,
    });
    await expect(loadModel(more, { seed: 1 })).rejects.toThrow(
      'the number of layers is 1, the weights hold 2',
    );
    // A bias that the config does not speak of would be left out without a word.
    const biased = await variant('llama-classification', (tensors) => [
      ...tensors,
      buffer('model.layers.0.self_attn.q_proj.bias', [16]),
    ]);
    await expect(loadModel(biased, { seed: 1 })).rejects.toThrow(
      'tensor "model.layers.0.self_attn.q_proj.bias" has no place in layer 0',
    );
  });

  it('keeps the table of words on the host, as nothing else reads it', () => {
    const { program } = createModel({ model_type: 'qwen3', num_hidden_layers: 1 }, { seed: 1 });
    expect(program.parameters[0]).toMatchObject({
      name: 'model.embed_tokens.weight',
      gradient: 'rows',
    });
    const spared = program.parameters.filter(({ decay }) => !decay).map(({ name }) => name);
    expect(spared).toEqual([
      'model.layers.0.input_layernorm.weight',
      'model.layers.0.self_attn.q_norm.weight',
      'model.layers.0.self_attn.k_norm.weight',
      'model.layers.0.post_attention_layernorm.weight',
      'model.norm.weight',
    ]);
  });
});

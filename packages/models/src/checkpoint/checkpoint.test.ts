import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createArena } from '@microtune/arena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtures } from '../../oracle/fixtures.js';
import { loadModel, type LoadedModel } from '../folder/load-model.js';
import { saveModel } from '../folder/save-model.js';
import { SavedWeights } from '../folder/saved-weights.js';
import { layOutParameters } from '../optimizer/layout.js';
import {
  allocateTrainingState,
  blockCount,
  type TrainingState,
} from '../optimizer/training-state.js';
import { loadCheckpoint, loadWeights, readTrainerState, saveCheckpoint } from './checkpoint.js';
import { paramsSha256, stateSha256 } from './state-hash.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'checkpoint-'));
});
afterAll(async () => rm(root, { recursive: true }));

async function emptyState(model: LoadedModel): Promise<TrainingState> {
  const layout = layOutParameters(model.program.parameters);
  return allocateTrainingState(await createArena(3 * blockCount(layout)), layout);
}

async function trained(name: string): Promise<{ model: LoadedModel; state: TrainingState }> {
  const model = await loadModel(join(fixtures, name), { seed: 1 });
  const state = await emptyState(model);
  await model.load((parameter) => state.parameters.view(parameter));
  for (const parameter of model.program.parameters) {
    state.m.view(parameter).forEach((_, i, view) => {
      view[i] = Math.sin(i);
    });
    state.v.view(parameter).forEach((_, i, view) => {
      view[i] = i / 1000;
    });
  }
  state.step = 15;
  return { model, state };
}

const trainerState = { global_step: 15, log_history: [] };

describe('checkpoints', () => {
  it('give back parameters, moments and step to the last bit', async () => {
    const { model, state } = await trained('classification');
    const folder = join(root, 'checkpoint-15');
    await saveCheckpoint(folder, { model, state, trainerState });
    expect((await readdir(folder)).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'optimizer.safetensors',
      'trainer_state.json',
    ]);
    const restored = await emptyState(model);
    await loadCheckpoint(folder, { model, state: restored });
    expect(restored.step).toBe(15);
    expect(stateSha256(restored)).toBe(stateSha256(state));
    expect(await readTrainerState(folder)).toEqual(trainerState);
    const reloaded = await loadModel(folder, { seed: 9 });
    const again = await emptyState(model);
    await reloaded.load((parameter) => again.parameters.view(parameter));
    expect(paramsSha256(again.parameters)).toBe(paramsSha256(state.parameters));
    expect(reloaded.task).toEqual(model.task);
  });

  it('saves again over a checkpoint with other weights files', async () => {
    const { model, state } = await trained('classification');
    const folder = join(root, 'again');
    await saveCheckpoint(folder, { model, state, trainerState, maxShardBytes: 8000 });
    expect(await readdir(folder)).toContain('model.safetensors.index.json');
    const restored = await emptyState(model);
    await loadCheckpoint(folder, { model, state: restored });
    expect(stateSha256(restored)).toBe(stateSha256(state));
    await saveCheckpoint(folder, { model, state, trainerState });
    expect(await readdir(folder)).not.toContain('model.safetensors.index.json');
  });

  it('refuse weights that were changed after they were saved', async () => {
    const { model, state } = await trained('classification');
    const folder = join(root, 'changed');
    const known = new SavedWeights().of(paramsSha256(state.parameters));
    await saveCheckpoint(folder, { model, state, trainerState, known });
    const restored = await emptyState(model);
    await loadCheckpoint(folder, { model, state: restored });
    const path = join(folder, 'model.safetensors');
    const bytes = await readFile(path);
    bytes.writeFloatLE(42, bytes.length - 4);
    await writeFile(path, bytes);
    await expect(loadCheckpoint(folder, { model, state: restored })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining('they have been changed since') as string,
    });
  });

  it('refuse weights that are not finite', async () => {
    const { model, state } = await trained('classification');
    const folder = join(root, 'not-finite');
    await saveCheckpoint(folder, { model, state, trainerState });
    const path = join(folder, 'model.safetensors');
    const bytes = await readFile(path);
    bytes.writeFloatLE(NaN, bytes.length - 4);
    await writeFile(path, bytes);
    await expect(
      loadCheckpoint(folder, { model, state: await emptyState(model) }),
    ).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(
        /not-finite\/model\.safetensors: tensor ".*" holds 1 of \d+ values that are not finite/,
      ) as string,
    });
  });

  it('writes the config that transformers reads, and copies tokenizer files as they came', async () => {
    const { model, state } = await trained('regression');
    const source = await mkdtemp(join(root, 'source-'));
    await writeFile(join(source, 'tokenizer.json'), '{"padding": {"strategy": {"Fixed": 128}} }');
    await writeFile(join(source, 'vocab.txt'), 'a\nb');
    const folder = join(root, 'final');
    const config = { ...model.config, torch_dtype: 'bfloat16' };
    await saveModel(folder, { model: { config, folder: source }, parameters: state.parameters });
    const saved = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as object;
    expect(saved).toMatchObject({
      architectures: ['BertForSequenceClassification'],
      problem_type: 'regression',
      id2label: { 0: 'LABEL_0' },
      dtype: 'float32',
      torch_dtype: 'float32',
      vocab_size: 48,
    });
    expect(await readFile(join(folder, 'tokenizer.json'), 'utf8')).toContain('"Fixed": 128');
    expect(await readFile(join(folder, 'vocab.txt'), 'utf8')).toBe('a\nb');
    const again = await emptyState(model);
    await loadWeights(folder, again.parameters);
    expect(paramsSha256(again.parameters)).toBe(paramsSha256(state.parameters));
  });

  it('names file and tensor of a checkpoint cut short or of another model', async () => {
    const { model, state } = await trained('classification');
    const folder = join(root, 'cut');
    await saveCheckpoint(folder, { model, state, trainerState });
    const other = await trained('pair');
    await expect(loadCheckpoint(folder, { model, state: other.state })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(
        /model\.safetensors: tensor "classifier\.\w+" has shape/,
      ) as string,
    });
    const optimizer = join(folder, 'optimizer.safetensors');
    await truncate(optimizer, 20_000);
    await expect(loadCheckpoint(folder, { model, state })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(
        /optimizer\.safetensors: tensor ".*" ends at .*cut short/,
      ) as string,
    });
    await rm(optimizer);
    await expect(loadCheckpoint(folder, { model, state })).rejects.toMatchObject({ code: 'data' });
    await writeFile(join(folder, 'trainer_state.json'), '{"global_step": 1');
    await expect(readTrainerState(folder)).rejects.toMatchObject({ code: 'data' });
    await appendFile(join(folder, 'model.safetensors'), 'x');
    await expect(loadCheckpoint(folder, { model, state })).rejects.toThrow(
      '1 bytes after the last tensor',
    );
  });

  it('refuses the checkpoint of a model with the same tensors that computes something else', async () => {
    const { model, state } = await trained('classification');
    const folder = join(root, 'other-heads');
    await saveCheckpoint(folder, { model, state, trainerState });
    const changed = (changes: object) => ({ ...model, config: { ...model.config, ...changes } });
    const other = changed({ num_attention_heads: 1 });
    await expect(loadCheckpoint(folder, { model: other, state })).rejects.toMatchObject({
      code: 'data',
      message: `${join(folder, 'config.json')}: num_attention_heads is ${String(model.config['num_attention_heads'])}, and 1 in this run's model: the checkpoint belongs to another model`,
    });
    await loadCheckpoint(folder, { model: changed({ hidden_dropout_prob: 0.2 }), state });
  });

  it('refuses the checkpoint of a larger model', async () => {
    const { model, state } = await trained('classification');
    const folder = join(root, 'larger');
    await saveCheckpoint(folder, { model, state, trainerState });
    const fewer = model.program.parameters.filter(({ name }) => !name.includes('layer.1'));
    const layout = layOutParameters(fewer);
    const small = allocateTrainingState(await createArena(3 * blockCount(layout)), layout);
    await expect(loadCheckpoint(folder, { model, state: small })).rejects.toThrow(
      /layer\.1\..* belongs to another model/,
    );
  });
});

describe('hashes', () => {
  it('differ for every number, moment and step', async () => {
    const { model, state } = await trained('pair');
    const [params, whole] = [paramsSha256(state.parameters), stateSha256(state)];
    const last = model.program.parameters.at(-1);
    if (last === undefined) throw new Error('the model has parameters');
    state.m.view(last)[0] = 0.5;
    expect(paramsSha256(state.parameters)).toBe(params);
    expect(stateSha256(state)).not.toBe(whole);
    state.m.view(last)[0] = 0;
    expect(stateSha256(state)).toBe(whole);
    state.step++;
    expect(stateSha256(state)).not.toBe(whole);
    state.parameters.view(last)[0] = 0.5;
    expect(paramsSha256(state.parameters)).not.toBe(params);
  });
});

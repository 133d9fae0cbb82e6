import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createArena } from '@microtune/arena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtures } from '../../oracle/fixtures.js';
import { loadCheckpoint, loadWeights, saveCheckpoint } from '../checkpoint/checkpoint.js';
import { paramsSha256, stateSha256, weightsSha256 } from '../checkpoint/state-hash.js';
import { loraDefaults, type LoraSpec } from '../methods/method-spec.js';
import { layOutParameters } from '../optimizer/layout.js';
import {
  allocateTrainingState,
  blockCount,
  weightsOf,
  type TrainingState,
} from '../optimizer/training-state.js';
import { SafetensorsFile } from '../safetensors/reader.js';
import { readAdapterFolder } from './adapter-folder.js';
import { loadModel, type LoadedModel } from './load-model.js';
import { saveModel } from './save-model.js';

const base = join(fixtures, 'classification');
const method: LoraSpec = { ...loraDefaults, r: 2, alpha: 4, dropout: 0.1 };

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'adapter-'));
});
afterAll(async () => rm(root, { recursive: true }));

async function loaded(model: LoadedModel): Promise<TrainingState> {
  const { parameters } = model.program;
  const layout = layOutParameters(parameters);
  const arena = await createArena(3 * blockCount(layout));
  const state = allocateTrainingState(arena, layout, parameters);
  await model.load((parameter) => weightsOf(state, parameter));
  return state;
}

/** A model that was trained a little: nothing of it is as it began. */
async function trained(): Promise<{ model: LoadedModel; state: TrainingState }> {
  const model = await loadModel(base, { seed: 1, method });
  const state = await loaded(model);
  for (const parameter of state.layout.parameters) {
    state.parameters.view(parameter).forEach((value, i, view) => {
      view[i] = value + 0.01 * Math.sin(i);
    });
    state.m.view(parameter).fill(0.25);
  }
  state.step = 7;
  return { model, state };
}

describe('an adapter', () => {
  it('is saved as PEFT saves it, and loaded with its base model', async () => {
    const { model, state } = await trained();
    const folder = join(root, 'saved');
    await saveModel(folder, { model, parameters: state.parameters, frozen: state.frozen });
    expect((await readdir(folder)).sort()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
      'config.json',
    ]);
    expect(JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'))).toEqual({
      peft_type: 'LORA',
      task_type: 'SEQ_CLS',
      base_model_name_or_path: base,
      inference_mode: true,
      r: 2,
      lora_alpha: 4,
      lora_dropout: 0.1,
      target_modules: ['query', 'value'],
      modules_to_save: ['classifier'],
      bias: 'none',
      fan_in_fan_out: false,
      use_rslora: false,
    });
    const file = await SafetensorsFile.open(join(folder, 'adapter_model.safetensors'));
    const names = [...file.header.tensors.keys()];
    await file.close();
    expect(names).toContain('base_model.model.classifier.weight');
    expect(names).toContain(
      'base_model.model.bert.encoder.layer.1.attention.self.value.lora_B.weight',
    );
    expect(names).toHaveLength(2 + 2 * 2 * 2);

    const again = await loadModel(folder, { seed: 9 });
    expect(again.task).toEqual(model.task);
    expect(again.notes).toEqual([]);
    expect(weightsSha256(await loaded(again))).toBe(weightsSha256(state));
    // What PEFT writes has no config.json: the base model's counts.
    await rm(join(folder, 'config.json'));
    const foreign = await loadModel(folder, { seed: 9 });
    expect(weightsSha256(await loaded(foreign))).toBe(weightsSha256(state));
  });

  it('goes on from a checkpoint with the same bits, and refuses that of another scale', async () => {
    const { model, state } = await trained();
    const folder = join(root, 'checkpoint-7');
    await saveCheckpoint(folder, { model, state, trainerState: {} });
    const other = await loadModel(base, { seed: 2, method });
    const resumed = await loaded(other);
    await loadCheckpoint(folder, { model: other, state: resumed });
    expect(stateSha256(resumed)).toBe(stateSha256(state));
    const again = await loaded(other);
    await loadWeights(folder, again.parameters);
    expect(paramsSha256(again.parameters)).toBe(paramsSha256(state.parameters));
    const scaled = await loadModel(base, { seed: 2, method: { ...method, alpha: 8 } });
    await expect(loadCheckpoint(folder, { model: scaled, state: resumed })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining('lora_alpha is 4, and 8 in this run') as string,
    });
    const full = await loadModel(base, { seed: 2 });
    await expect(
      loadCheckpoint(folder, { model: full, state: await loaded(full) }),
    ).rejects.toThrow('the checkpoint was made with another method');
  });

  it.each([
    [{ peft_type: 'ADALORA' }, 'peft_type is ADALORA, and adapters are supported of LORA, IA3'],
    [{ peft_type: 'PROMPT_TUNING' }, 'peft_type is PROMPT_TUNING'],
    [{ bias: 'all' }, 'bias is "all": trained biases beside LoRA are not supported'],
    [{ init_lora_weights: 'eva' }, 'init_lora_weights is "eva", which is not supported'],
    [{ init_lora_weights: 'pissa' }, 'init_lora_weights is "pissa"'],
    [{ layer_replication: [[0, 2]] }, 'layer_replication is [[0,2]], which is not supported'],
    [{ use_qalora: true }, 'use_qalora is true, which is not supported'],
    [{ target_modules: '(?P<x>a)' }, 'is no regular expression that JavaScript has, too'],
    [{ r: 0 }, 'adapter_config.json: r: '],
    [{ base_model_name_or_path: '/nowhere/at/all' }, 'say where it is with --base'],
    [{ base_model_name_or_path: null }, 'names no base model'],
  ])('is refused where it asks for what is not here: %j', async (keys, message) => {
    const folder = await mkdtemp(join(root, 'other-'));
    const config = { peft_type: 'LORA', base_model_name_or_path: base, ...keys };
    await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
    await expect(readAdapterFolder(folder)).rejects.toThrow(message);
  });

  it('is read with a pattern as PEFT means it, and is no base to train on', async () => {
    const folder = await mkdtemp(join(root, 'pattern-'));
    const config = {
      peft_type: 'LORA',
      base_model_name_or_path: base,
      target_modules: '.*layer\\.0.*query',
    };
    await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
    const found = await readAdapterFolder(folder);
    expect(found?.method.targets).toEqual(/^(?:.*layer\.0.*query)$/);
    await expect(loadModel(folder, { seed: 1, method })).rejects.toThrow(
      `to train it on, give it as --adapter_name_or_path, and its base model (${base})`,
    );
  });
});

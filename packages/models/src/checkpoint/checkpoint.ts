/**
 * A checkpoint folder: the model as transformers loads it, plus what training needs to go on with the same bits.
 * `optimizer.safetensors` holds `exp_avg/<tensor>` and `exp_avg_sq/<tensor>` by HuggingFace tensor name and the
 * number of updates in its metadata; `trainer_state.json` is the coordinator's. No code-carrying format.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  MicrotuneError,
  adapterConfigFile,
  adapterWeightsFile,
  isCheckpointFile,
  messageOf,
  modelConfigFile,
  optimizerFile,
  trainerStateFile,
} from '@microtune/shared';
import { writeFolderAtomically } from '../folder/atomic-folder.js';
import { readConfig, type HfConfig } from '../folder/config-file.js';
import type { KnownWeights } from '../folder/saved-weights.js';
import {
  adapterConfig,
  savedConfig,
  writeJson,
  writeModel,
  type SavedModel,
} from '../folder/save-model.js';
import { tensorsOf, type ParameterBlock } from '../optimizer/parameter-block.js';
import type { TrainingState } from '../optimizer/training-state.js';
import { adapterName } from '../methods/peft-names.js';
import { ModelFiles } from '../safetensors/model-files.js';
import { paramsSha256 } from './state-hash.js';
import { SafetensorsFile } from '../safetensors/reader.js';
import { writeSafetensors, type OutputTensor } from '../safetensors/writer.js';

const paramsHashKey = 'params_sha256';
const moments = { m: 'exp_avg', v: 'exp_avg_sq' } as const;

export interface SaveCheckpointOptions {
  readonly model: SavedModel;
  readonly state: TrainingState;
  /** Contents of trainer_state.json. */
  readonly trainerState: Readonly<Record<string, unknown>>;
  readonly maxShardBytes?: number;
  /** As saveModel; the hash is kept with the optimizer's state, which belongs to these weights alone. */
  readonly known?: KnownWeights;
}

/** @throws MicrotuneError `transient` naming the folder; a previous folder of that name stays whole */
export async function saveCheckpoint(
  folder: string,
  options: SaveCheckpointOptions,
): Promise<void> {
  const { model, state, trainerState, maxShardBytes, known } = options;
  await writeFolderAtomically(folder, {
    write: async (partial) => {
      const tensors = [...momentTensors(moments.m, state.m), ...momentTensors(moments.v, state.v)];
      await writeSafetensors(join(partial, optimizerFile), tensors, {
        metadata: {
          step: String(state.step),
          ...(known === undefined ? {} : { [paramsHashKey]: known.sha256 }),
        },
      });
      await writeJson(join(partial, trainerStateFile), trainerState);
      const files = await writeModel(partial, {
        model,
        parameters: state.parameters,
        frozen: state.frozen,
        maxShardBytes,
        known,
      });
      return [optimizerFile, trainerStateFile, ...files];
    },
    isOurs: isCheckpointFile,
  });
}

/**
 * Reads what is trained and its moments straight into `state`; call AdamW.resume() after. Frozen weights stay as loaded.
 * @throws MicrotuneError `data` naming the file and the tensor or key when the folder is cut short or of another model;
 * then `state` may hold a mixture and must not be used
 */
export async function loadCheckpoint(
  folder: string,
  { model, state }: Pick<SaveCheckpointOptions, 'model' | 'state'>,
): Promise<void> {
  refuseOtherConfig(folder, await readConfig(folder), model);
  await refuseOtherAdapter(folder, model);
  await loadWeights(folder, state.parameters);
  const file = await SafetensorsFile.open(join(folder, optimizerFile));
  try {
    state.step = updatesOf(file);
    refuseOthers(file, state);
    refuseChangedWeights(folder, file, state);
    for (const block of ['m', 'v'] as const) {
      for (const { name, shape, values } of momentTensors(moments[block], state[block])) {
        await file.readInto(name, shape, values);
      }
    }
  } finally {
    await file.close();
  }
}

/** Reads the weights of a folder that Microtune wrote, e.g. the best one. @throws as loadCheckpoint */
export async function loadWeights(folder: string, parameters: ParameterBlock): Promise<void> {
  const adapter = join(folder, adapterWeightsFile);
  const isAdapter = existsSync(adapter);
  const files = isAdapter ? await SafetensorsFile.open(adapter) : await ModelFiles.open(folder);
  try {
    for (const { name, shape, values } of tensorsOf(parameters)) {
      await files.readInto(isAdapter ? adapterName(name) : name, shape, values);
    }
  } finally {
    await files.close();
  }
}

/** @throws MicrotuneError `data` when the file is missing or no JSON object */
export async function readTrainerState(folder: string): Promise<Record<string, unknown>> {
  const path = join(folder, trainerStateFile);
  if (!existsSync(path)) {
    throw new MicrotuneError('data', `${folder} is no checkpoint: it has no ${trainerStateFile}`);
  }
  try {
    const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return parsed as Record<string, unknown>;
    }
  } catch (cause) {
    throw new MicrotuneError('data', `${path}: cannot be read as JSON: ${messageOf(cause)}`, {
      cause,
    });
  }
  throw new MicrotuneError('data', `${path}: must hold a JSON object`);
}

/** Keys that say nothing about the graph, or that an option may change between two parts of a run. */
const keysThatMayDiffer = [
  '_name_or_path',
  'transformers_version',
  'hidden_dropout_prob',
  'attention_probs_dropout_prob',
  'classifier_dropout',
];

/** Two models may have tensors of the same shapes and still compute different things, e.g. with another number of heads. */
function refuseOtherConfig(
  folder: string,
  saved: HfConfig,
  model: SaveCheckpointOptions['model'],
): void {
  const own = savedConfig(model.config);
  const keys = new Set([...Object.keys(saved), ...Object.keys(own)]);
  for (const key of keys) {
    if (keysThatMayDiffer.includes(key) || isDeepStrictEqual(saved[key], own[key])) continue;
    const [theirs, ours] = [saved[key], own[key]].map((value) => JSON.stringify(value) ?? 'absent');
    throw new MicrotuneError(
      'data',
      `${join(folder, modelConfigFile)}: ${key} is ${theirs}, and ${ours} in this run's model: the checkpoint belongs to another model`,
    );
  }
}

/** Scales and targets say what is computed as much as the tensors do. Where the base model lies does not. */
async function refuseOtherAdapter(folder: string, { adapter }: SavedModel): Promise<void> {
  const path = join(folder, adapterConfigFile);
  if (adapter === undefined && !existsSync(path)) return;
  const saved = existsSync(path)
    ? (JSON.parse(await readFile(path, 'utf8')) as HfConfig)
    : undefined;
  const own = adapter && adapterConfig(adapter);
  for (const key of new Set([...Object.keys(saved ?? {}), ...Object.keys(own ?? {})])) {
    if (key === 'base_model_name_or_path' || isDeepStrictEqual(saved?.[key], own?.[key])) continue;
    const [theirs, ours] = [saved, own].map((config) => JSON.stringify(config?.[key]) ?? 'absent');
    throw new MicrotuneError(
      'data',
      `${path}: ${key} is ${theirs}, and ${ours} in this run: the checkpoint was made with another method`,
    );
  }
}

/** A larger model's checkpoint holds all tensors of a smaller one, and more. */
function refuseOthers(file: SafetensorsFile, { m, v }: TrainingState): void {
  const known = new Set(
    [...momentTensors(moments.m, m), ...momentTensors(moments.v, v)].map(({ name }) => name),
  );
  const other = [...file.header.tensors.keys()].find((name) => !known.has(name));
  if (other !== undefined) {
    throw new MicrotuneError('data', `${file.path}: tensor "${other}" belongs to another model`);
  }
}

/** The files of a checkpoint may be linked with those of the model, which other programs may have changed in place. */
function refuseChangedWeights(
  folder: string,
  { header: { metadata } }: SafetensorsFile,
  { parameters }: TrainingState,
): void {
  const then = metadata[paramsHashKey];
  if (then === undefined || then === paramsSha256(parameters)) return;
  throw new MicrotuneError(
    'data',
    `${folder}: the weights are not those that ${optimizerFile} was saved with: they have been changed since`,
  );
}

function momentTensors(prefix: string, block: ParameterBlock): OutputTensor[] {
  return tensorsOf(block).map((tensor) => ({ ...tensor, name: `${prefix}/${tensor.name}` }));
}

function updatesOf(file: SafetensorsFile): number {
  const step = Number(file.header.metadata.step ?? NaN);
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new MicrotuneError(
      'data',
      `${file.path}: its metadata must name the step as a whole number`,
    );
  }
  return step;
}

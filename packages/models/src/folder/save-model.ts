/** Writes a model folder in HuggingFace layout: what transformers loads, with the same logits. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  adapterConfigFile,
  adapterWeightsFile,
  companionFiles,
  isModelFile,
  modelConfigFile,
} from '@microtune/shared';
import type { FrozenWeights } from '../optimizer/frozen-weights.js';
import { tensorsOf, type ParameterBlock, type TensorView } from '../optimizer/parameter-block.js';
import { writeText } from '../safetensors/name-file.js';
import { adapterName } from '../methods/peft-names.js';
import { writeModelFiles, writeSafetensors } from '../safetensors/writer.js';
import { writeFolderAtomically } from './atomic-folder.js';
import type { HfConfig } from './config-file.js';
import type { LoadedModel, SavedAdapter } from './load-model.js';
import type { KnownWeights } from './saved-weights.js';

/** What is written beside the weights. */
export type SavedModel = Pick<LoadedModel, 'config' | 'folder'> &
  Partial<Pick<LoadedModel, 'adapter'>>;

export interface SaveModelOptions {
  readonly model: SavedModel;
  readonly parameters: ParameterBlock;
  /** Saved beside them, so that the folder is the whole model. Default: none. */
  readonly frozen?: FrozenWeights;
  /** Weights beyond this are cut into several files. Default 5 GB, as transformers 4. */
  readonly maxShardBytes?: number;
  /** Weights that may be in another folder already; then they are not written again. */
  readonly known?: KnownWeights | undefined;
}

/**
 * Replaces `folder` if it is there; files that Microtune does not write stay.
 * @throws MicrotuneError `transient` naming the folder when the disk is full or refuses; the previous folder stays whole
 */
export async function saveModel(folder: string, options: SaveModelOptions): Promise<void> {
  await writeFolderAtomically(folder, {
    write: (partial) => writeModel(partial, options),
    isOurs: isModelFile,
  });
}

/** @returns names of the files, config.json last */
export async function writeModel(
  folder: string,
  { model, parameters, frozen, maxShardBytes = 5e9, known }: SaveModelOptions,
): Promise<string[]> {
  const { adapter } = model;
  const write = () =>
    adapter === undefined
      ? writeModelFiles(folder, allTensors(parameters, frozen), maxShardBytes)
      : writeAdapterWeights(folder, parameters);
  const weights = (await known?.reuse(folder)) ?? (await write());
  const beside = adapter === undefined ? [] : [adapterConfigFile];
  if (adapter !== undefined)
    await writeJson(join(folder, adapterConfigFile), adapterConfig(adapter));
  const companions = await copyCompanions(model.folder, folder);
  await writeJson(join(folder, modelConfigFile), savedConfig(model.config));
  return [...weights, ...beside, ...companions, modelConfigFile];
}

/** What is trained, under PEFT's names. */
async function writeAdapterWeights(folder: string, parameters: ParameterBlock): Promise<string[]> {
  const tensors = tensorsOf(parameters).map((each) => ({ ...each, name: adapterName(each.name) }));
  await writeSafetensors(join(folder, adapterWeightsFile), tensors, { metadata: { format: 'pt' } });
  return [adapterWeightsFile];
}

/** The way that PEFT writes it: the base model as the user named it. */
export function adapterConfig({ baseName, config }: SavedAdapter): HfConfig {
  return { ...config, base_model_name_or_path: baseName };
}

function allTensors(parameters: ParameterBlock, frozen: FrozenWeights | undefined): TensorView[] {
  const fixed = (frozen?.parameters ?? []).map((parameter) => ({
    name: parameter.name,
    shape: parameter.shape,
    values: frozen!.view(parameter),
  }));
  return [...tensorsOf(parameters), ...fixed].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeText(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

/** Weights are written as float32, and transformers 5 loads in the dtype that config.json names. */
export function savedConfig(config: LoadedModel['config']): HfConfig {
  const { torch_dtype: oldName, ...rest } = config;
  return {
    ...rest,
    ...(oldName === undefined ? {} : { torch_dtype: 'float32' }),
    dtype: 'float32',
  };
}

/** Tokenizer, chat template and settings of generation, as they came. @returns the names of those that are there */
export async function copyCompanions(from: string | undefined, to: string): Promise<string[]> {
  if (from === undefined) return [];
  const present: string[] = companionFiles.filter((name) => existsSync(join(from, name)));
  // Not copyFile, which would also copy a read-only mode.
  for (const name of present) await writeText(join(to, name), await readFile(join(from, name)));
  return present;
}

/**
 * A model folder for others: the files that transformers and PEFT read, and nothing of the run around them. An adapter stays
 * one, or is merged into its base model.
 */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  MicrotuneError,
  adapterConfigFile,
  isModelFile,
  isWeightsFile,
  modelConfigFile,
} from '@microtune/shared';
import type { StoredDtype } from '../safetensors/dtype.js';
import { writeText } from '../safetensors/name-file.js';
import { writeModelFiles } from '../safetensors/writer.js';
import { writeFolderAtomically } from './atomic-folder.js';
import { checkWeights } from './check-weights.js';
import type { HfConfig } from './config-file.js';
import { loadModel, type LoadedModel, type SavedAdapter } from './load-model.js';
import { dtypeOfFolder, mergedTensors } from './merge-model.js';
import { adapterConfig, copyCompanions, writeJson } from './save-model.js';

export interface ExportOptions {
  /** Write the base model with the adapter in it, stored as the base model is. @default false */
  readonly merge?: boolean;
  /** Folder of an adapter's base model, in place of the one that its file names. */
  readonly base?: string | undefined;
  /** Weights beyond this are cut into several files. @default 5 GB */
  readonly maxShardBytes?: number;
}

/**
 * @param from a run folder, one of its checkpoints, a model folder, or an adapter's
 * @param to new or empty, or of model files, which are replaced
 * @returns the names of the files written
 * @throws MicrotuneError `usage` or `data` as `loadModel`, and for weights that are not finite; `usage` for nothing to merge;
 *   `transient` naming the folder when the disk is full or refuses
 */
export async function exportModel(
  from: string,
  to: string,
  { merge = false, base, maxShardBytes = 5e9 }: ExportOptions = {},
): Promise<string[]> {
  const model = await loadModel(from, { seed: 0, base });
  if (model.notes.length > 0) {
    throw new MicrotuneError('usage', `${from} is not a trained model: ${model.notes.join('; ')}`);
  }
  let names: string[] = [];
  const write = async (partial: string): Promise<string[]> => {
    if (merge) names = await writeMerged(from, partial, { model, maxShardBytes });
    else names = await writeCopy(from, partial, model);
    return names;
  };
  await writeFolderAtomically(to, { write, isOurs: isModelFile });
  return names;
}

async function writeMerged(
  from: string,
  to: string,
  { model, maxShardBytes }: { readonly model: LoadedModel; readonly maxShardBytes: number },
): Promise<string[]> {
  const tensors = await mergedTensors(from, model);
  const { base } = model.adapter as SavedAdapter;
  const dtype = await dtypeOfFolder(base);
  const weights = await writeModelFiles(to, tensors, maxShardBytes, { dtype });
  const companions = await companionsOf(from, model, to);
  await writeJson(join(to, modelConfigFile), storedConfig(model.config, dtype));
  return [...weights, ...companions, modelConfigFile];
}

/** Weights byte for byte. */
async function writeCopy(from: string, to: string, model: LoadedModel): Promise<string[]> {
  await checkWeights(model);
  const weights = (await readdir(from)).filter(isWeightsFile).filter(isOf(model));
  for (const name of weights)
    await pipeline(createReadStream(join(from, name)), createWriteStream(join(to, name)));
  const beside = model.adapter === undefined ? [] : [adapterConfigFile];
  if (model.adapter !== undefined)
    await writeJson(join(to, adapterConfigFile), adapterConfig(model.adapter));
  const companions = await companionsOf(from, model, to);
  // The labels of a bare adapter are known from its base model and its head.
  if (existsSync(join(from, modelConfigFile)))
    await writeText(join(to, modelConfigFile), await readFile(join(from, modelConfigFile)));
  else await writeJson(join(to, modelConfigFile), model.config);
  return [...weights, ...beside, ...companions, modelConfigFile];
}

/** A folder may hold both, after another method was tried in it. */
function isOf({ adapter }: LoadedModel): (name: string) => boolean {
  return (name) => name.startsWith('adapter_') === (adapter !== undefined);
}

/** The folder's own, and of an adapter that has none the base model's. */
async function companionsOf(from: string, { adapter }: LoadedModel, to: string): Promise<string[]> {
  const ofBase = adapter === undefined ? [] : await copyCompanions(adapter.base, to);
  const own = await copyCompanions(from, to);
  return [...new Set([...ofBase, ...own])];
}

const torchNames: { readonly [Dtype in StoredDtype]: string } = {
  F32: 'float32',
  BF16: 'bfloat16',
  F16: 'float16',
};

/** transformers loads in the dtype that config.json names. */
function storedConfig({ torch_dtype: oldName, ...rest }: HfConfig, dtype: StoredDtype): HfConfig {
  const name = torchNames[dtype];
  return { ...rest, ...(oldName === undefined ? {} : { torch_dtype: name }), dtype: name };
}

/** Writes a model folder in HuggingFace layout: what transformers loads, with the same logits. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isModelFile, modelConfigFile, tokenizerFiles } from '@microtune/shared';
import { tensorsOf, type ParameterBlock } from '../optimizer/parameter-block.js';
import { writeText } from '../safetensors/name-file.js';
import { writeModelFiles } from '../safetensors/writer.js';
import { writeFolderAtomically } from './atomic-folder.js';
import type { HfConfig } from './config-file.js';
import type { LoadedModel } from './load-model.js';
import type { KnownWeights } from './saved-weights.js';

export interface SaveModelOptions {
  readonly model: Pick<LoadedModel, 'config' | 'folder'>;
  readonly parameters: ParameterBlock;
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
  { model, parameters, maxShardBytes = 5e9, known }: SaveModelOptions,
): Promise<string[]> {
  const weights =
    (await known?.reuse(folder)) ??
    (await writeModelFiles(folder, tensorsOf(parameters), maxShardBytes));
  const tokenizer = await copyTokenizer(model.folder, folder);
  await writeJson(join(folder, modelConfigFile), savedConfig(model.config));
  return [...weights, ...tokenizer, modelConfigFile];
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

async function copyTokenizer(from: string | undefined, to: string): Promise<string[]> {
  if (from === undefined) return [];
  const present: string[] = tokenizerFiles.filter((name) => existsSync(join(from, name)));
  // Not copyFile, which would also copy a read-only mode.
  for (const name of present) await writeText(join(to, name), await readFile(join(from, name)));
  return present;
}

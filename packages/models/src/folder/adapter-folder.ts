/**
 * Folders of adapters in PEFT's layout: adapter_model.safetensors holds what was trained, adapter_config.json says how and on
 * which model. Formats: PEFT 0.21 (read and written).
 */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { MicrotuneError, adapterConfigFile, modelConfigFile } from '@microtune/shared';
import { readPeftConfig, type PeftConfig } from './peft-config.js';

export interface AdapterFolder extends Pick<PeftConfig, 'method' | 'taskType'> {
  /** Folder of the model that it was trained on. */
  readonly base: string;
  /** How the adapter's file shall name it: as it does where that leads there from anywhere, or from the working folder. */
  readonly baseName: string;
}

/**
 * What an adapter's folder says; undefined for any other folder.
 * @param options.base folder of the base model, in place of the one that the file names
 * @param options.option that gives it, for messages
 * @throws MicrotuneError `data` naming the file and the key that is not supported, `usage` where the base model is not there
 */
export async function readAdapterFolder(
  folder: string,
  {
    base: given,
    option = 'base',
  }: { readonly base?: string | undefined; readonly option?: string } = {},
): Promise<AdapterFolder | undefined> {
  const file = join(folder, adapterConfigFile);
  if (!existsSync(file)) return undefined;
  const { base: written, ...config } = await readPeftConfig(file);
  if (given !== undefined) {
    if (!isModel(given)) {
      throw new MicrotuneError(
        'usage',
        `${option}: ${given} is no model folder: it has no ${modelConfigFile}`,
      );
    }
    return { ...config, base: given, baseName: given };
  }
  const base = written === undefined ? undefined : findBase(folder, written);
  if (written === undefined || base === undefined) {
    const says =
      written === undefined ? 'names no base model' : `says that the base model is ${written}`;
    throw new MicrotuneError(
      'usage',
      `${file} ${says}, and there is no such model folder here${written !== undefined && isAbsolute(written) ? '' : ', beside the adapter or above it'}: ` +
        `say where it is with --${option} (nothing is downloaded)`,
    );
  }
  return { ...config, base, baseName: existsSync(written) ? written : resolve(base) };
}

/**
 * A relative path is one of the working folder, as PEFT takes it, or else of the adapter's folder or one above that: a project
 * that was moved, or is used from elsewhere.
 */
function findBase(folder: string, written: string): string | undefined {
  if (isModel(written)) return written;
  if (isAbsolute(written)) return undefined;
  let place = resolve(folder);
  for (;;) {
    const candidate = join(place, written);
    if (isModel(candidate)) return candidate;
    if (dirname(place) === place) return undefined;
    place = dirname(place);
  }
}

const isModel = (folder: string): boolean => existsSync(join(folder, modelConfigFile));

/** The supported families by `model_type`: the one place that lists them. */
import { MicrotuneError } from '@microtune/shared';
import { bertFamily } from './bert/family.js';
import { gpt2Family } from './gpt2/family.js';
import { llamaFamily, mistralFamily, qwen2Family, qwen3Family } from './llama/family.js';
import type { HfConfig } from '../folder/config-file.js';
import type { ModelFamily } from '../folder/family.js';

const families: ReadonlyMap<string, ModelFamily> = new Map([
  ['bert', bertFamily],
  ['gpt2', gpt2Family],
  ['llama', llamaFamily],
  ['mistral', mistralFamily],
  ['qwen2', qwen2Family],
  ['qwen3', qwen3Family],
]);

/** undefined for a model_type that is not known. */
export function findFamily({ model_type: type }: HfConfig): ModelFamily | undefined {
  return typeof type === 'string' ? families.get(type) : undefined;
}

/** @throws MicrotuneError `usage` listing the supported model types */
export function familyOf(config: HfConfig, file: string): ModelFamily {
  const type = config.model_type;
  const family = findFamily(config);
  if (family === undefined) {
    const found = type === undefined ? 'missing' : JSON.stringify(type);
    throw new MicrotuneError(
      'usage',
      `${file}: model_type is ${found}; supported: ${[...families.keys()].join(', ')}`,
    );
  }
  return family;
}

/** What an adapter was trained for, by its own files alone: PEFT writes no config.json beside it. */
import { join } from 'node:path';
import {
  MicrotuneError,
  adapterConfigFile,
  adapterWeightsFile,
  type TaskSpec,
} from '@microtune/shared';
import { adapterName } from '../methods/peft-names.js';
import { SafetensorsFile } from '../safetensors/reader.js';
import type { TaskOptions } from './task.js';

/** PEFT's words for tasks. */
export const peftTaskTypes: { readonly [Kind in TaskSpec['kind']]: string } = {
  'sequence-classification': 'SEQ_CLS',
  regression: 'SEQ_CLS',
  'causal-lm': 'CAUSAL_LM',
};

/** What the last product of a head of labels is called, [labels, width]. */
const headTensors = ['classifier.weight', 'score.weight'].map(adapterName);

/**
 * @param taskType of adapter_config.json
 * @returns nothing where the file says nothing: then the base model's config.json decides
 * @throws MicrotuneError `data` for a task that is not supported
 */
export async function taskOfAdapter(
  folder: string,
  taskType: string | undefined,
): Promise<TaskOptions> {
  if (taskType === undefined) return {};
  if (taskType === peftTaskTypes['causal-lm']) return { task: { kind: 'causal-lm' } };
  if (taskType === peftTaskTypes.regression) {
    const file = await SafetensorsFile.open(join(folder, adapterWeightsFile));
    const { tensors } = file.header;
    await file.close();
    const head = headTensors.map((name) => tensors.get(name)).find((entry) => entry !== undefined);
    return head?.shape[0] === undefined ? {} : { numLabels: head.shape[0] };
  }
  const known = [...new Set(Object.values(peftTaskTypes))].join(', ');
  throw new MicrotuneError(
    'data',
    `${join(folder, adapterConfigFile)}: task_type is ${taskType}, and adapters are supported for ${known}`,
  );
}

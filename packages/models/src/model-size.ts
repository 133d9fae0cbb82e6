/** How large a model is, from its config.json alone: no weights are read, and nothing that can trace is loaded. */
import { join } from 'node:path';
import { modelConfigFile } from '@microtune/shared';
import type { ModelKind } from '@microtune/tasks';
import { findFamily } from './families/families.js';
import { readConfig } from './folder/config-file.js';
import { resolveTask, type TaskOptions } from './folder/task.js';
import type { MethodSpec } from './methods/method-spec.js';
import type { Parameter } from './program/program.js';
import { elementCount } from './optimizer/layout.js';

export { askedTask } from './folder/task.js';
export { adapterOptions, methodOf } from './methods/method-spec.js';
export { readAdapterFolder } from './folder/adapter-folder.js';

export interface ModelSize {
  /** All parameters, in numbers. */
  readonly parameterCount: number;
  /** Those that are trained. */
  readonly trainedCount: number;
  /** Of them those whose gradient is dense: all but tables of rows. */
  readonly denseCount: number;
  /** Layers times hidden width: activations of a token are a multiple of it. */
  readonly layersWidth: number;
}

/**
 * @param asked what the head is for, as far as it is known
 * @returns undefined for a model type that is not known here
 * @throws MicrotuneError `usage` or `data` as `loadModel` does for the folder's config.json
 */
export async function modelSize(
  folder: string,
  asked: TaskOptions,
  method?: MethodSpec,
): Promise<ModelSize | undefined> {
  const config = await readConfig(folder);
  const family = findFamily(config);
  if (family === undefined) return undefined;
  const file = join(folder, modelConfigFile);
  const task = resolveTask(config, asked, file);
  const model = family.create({ config, task, labelSmoothing: 0, method, file });
  const { parameters } = model.program;
  const count = (which: (parameter: Parameter) => boolean): number =>
    parameters.filter(which).reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return {
    parameterCount: count(() => true),
    trainedCount: count(({ trainable }) => trainable),
    denseCount: count(({ trainable, gradient }) => trainable && gradient === 'dense'),
    layersWidth: model.numLayers * model.hiddenSize,
  };
}

/**
 * What can be asked of a model folder.
 * @returns undefined for a model type that is not known here
 * @throws MicrotuneError `usage` or `data` for a folder without a config.json that can be read
 */
export async function modelKind(folder: string): Promise<ModelKind | undefined> {
  const config = await readConfig(folder);
  const family = findFamily(config);
  const { architectures } = config;
  const names: readonly unknown[] = Array.isArray(architectures) ? architectures : [];
  return (
    family && {
      readsForward: family.readsForward,
      hasLabelHead: names.some((name) => String(name).endsWith('ForSequenceClassification')),
    }
  );
}

/** A base model and what was trained on it, as one plain model. */
import { MicrotuneError } from '@microtune/shared';
import { elementCount } from '../optimizer/layout.js';
import { isFloatDtype, storedDtypes, type StoredDtype } from '../safetensors/dtype.js';
import { ModelFiles } from '../safetensors/model-files.js';
import type { OutputTensor } from '../safetensors/writer.js';
import type { LoadedModel } from './load-model.js';

/**
 * Reads everything, and writes what the method added into the modules.
 * @param folder for messages
 * @returns the model's own tensors, in float32
 * @throws MicrotuneError `usage` for a model without an adapter, `data` as `LoadedModel.load`
 */
export async function mergedTensors(folder: string, model: LoadedModel): Promise<OutputTensor[]> {
  const { parameters, added, merge } = model.program;
  if (merge === undefined) {
    throw new MicrotuneError(
      'usage',
      `${folder} holds a whole model, so there is nothing to merge: leave --merge out`,
    );
  }
  const tensors = new Map<string, Float32Array>();
  await model.load(({ name, shape }) => {
    const values = new Float32Array(elementCount(shape));
    tensors.set(name, values);
    return values;
  });
  const own = (name: string): Float32Array => tensors.get(name)!;
  for (const module of merge.modules) {
    const weight = own(`${module.path}.weight`);
    const bias = module.hasBias ? own(`${module.path}.bias`) : undefined;
    merge.merge(module, { weight, bias }, own);
  }
  return parameters
    .filter(({ name }) => !added.has(name))
    .map(({ name, shape }) => ({ name, shape, values: own(name) }));
}

/** What most numbers of a model folder are stored as: a merged model is stored as its base. */
export async function dtypeOfFolder(folder: string): Promise<StoredDtype> {
  const files = await ModelFiles.open(folder);
  try {
    const counts = new Map<StoredDtype, number>();
    for (const name of files.names()) {
      const { dtype, shape } = files.entry(name) ?? { dtype: 'I64', shape: [] };
      if (!isFloatDtype(dtype)) continue;
      const stored = storedDtypes.find((each) => each === dtype) ?? 'F32';
      counts.set(stored, (counts.get(stored) ?? 0) + elementCount(shape));
    }
    return [...counts].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? 'F32';
  } finally {
    await files.close();
  }
}

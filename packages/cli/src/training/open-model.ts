/** The source model as a run would load it, without its weights: what is wrong with it shows here, before workers do. */
import type { OpenedRun } from '@microtune/coordinator';
import { loadModel, methodOf, requireFit, type LoadedModel } from '@microtune/models';
import type { ResolvedConfig } from '@microtune/shared';

// Loaded with the model, and not before.
export { describeTrained } from '@microtune/models';

/** @throws MicrotuneError `data` or `usage` for a model that cannot be trained on these data */
export async function openModel(config: ResolvedConfig, { task }: OpenedRun): Promise<LoadedModel> {
  const model = await loadModel(config.modelNameOrPath, {
    seed: config.seed,
    fromScratch: config.fromScratch,
    task: task.spec,
    labelSmoothing: config.labelSmoothingFactor,
    method: methodOf(config),
    adapter: config.adapterNameOrPath,
  });
  for (const split of [task.train, task.validation]) {
    if (split !== undefined) requireFit(model, split.tokens);
  }
  return model;
}

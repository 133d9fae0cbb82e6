/** What answers here: models with a label for each text. */
import type { LoadedModel } from '@microtune/models';
import { MicrotuneError, isLabelTask, type LabelTask } from '@microtune/shared';

export type LabelModel = LoadedModel & { readonly task: LabelTask };

const isOfLabels = (model: LoadedModel): model is LabelModel => isLabelTask(model.task);

/** @throws MicrotuneError `usage` for a language model, saying what there is for it */
export function requireLabels(model: LoadedModel, folder: string): LabelModel {
  if (isOfLabels(model)) return model;
  throw new MicrotuneError(
    'usage',
    `${folder} holds a language model: predict and eval answer with labels and do not take one yet. What works: ` +
      'microtune train --task causal-lm with --validation_file gives its loss, perplexity and accuracy, and ' +
      'transformers (for an adapter, PEFT) loads the folder',
  );
}

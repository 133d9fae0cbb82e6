/** Models with a label for each text. */
import type { LoadedModel } from '@microtune/models';
import { isLabelTask, type LabelTask } from '@microtune/shared';

export type LabelModel = LoadedModel & { readonly task: LabelTask };

export const isOfLabels = (model: LoadedModel): model is LabelModel => isLabelTask(model.task);

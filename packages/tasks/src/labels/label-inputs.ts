/** What the losses of classifiers and regression models read beside the tokens. */
import { perPlace, type InputSpec } from '../input-spec.js';

/** The label of places that do not count (torch.nn.CrossEntropyLoss). */
export const ignoreIndex = -100;

/** [rows * samplesPerRow]: class ids, ignoreIndex for places without a sample. */
export const classIds = { name: 'labels', dtype: 'int32', shape: perPlace } satisfies InputSpec;

/** [rows * samplesPerRow]: targets of a regression, 0 for places without a sample. */
export const targets = { name: 'labels', dtype: 'float32', shape: perPlace } satisfies InputSpec;
/** [rows * samplesPerRow]: 1 where there is a sample, else 0. */
export const targetWeights = {
  name: 'label_weights',
  dtype: 'float32',
  shape: perPlace,
} satisfies InputSpec;

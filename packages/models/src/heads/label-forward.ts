/** What heads of labels share: loss and outputs. Letters: R rows, S samples per row, C labels. */
import { softmaxCrossEntropy } from '@microtune/engine';
import type { LabelTask } from '@microtune/shared';
import { classIds, ignoreIndex, outputNames, targets, targetWeights } from '@microtune/tasks';
import { mul, reshape, square, sub, sum, type Tensor } from '@tensorflow/tfjs-core';
import type { HeadForward, HeadState } from '../program/head.js';

export interface LabelLossOptions {
  readonly task: LabelTask;
  /** As torch.nn.CrossEntropyLoss: this share of the target is spread evenly over all classes. */
  readonly labelSmoothing: number;
}

/** A head of labels from what makes its logits, [R * S, C]. */
export function forwardOf(
  options: LabelLossOptions,
  logitsOf: (state: HeadState) => Tensor,
): HeadForward {
  return {
    lossSum: (state) => labelLoss(options, logitsOf(state), state),
    evaluated: (state) => {
      const logits = logitsOf(state);
      return {
        [outputNames.lossSum]: labelLoss(options, logits, state),
        [outputNames.logits]: logits,
      };
    },
    outputs: (state) => ({ [outputNames.logits]: logitsOf(state) }),
  };
}

/** Sum over samples, so that shards of any size add up to the loss of the whole batch. @param logits [R * S, C] */
function labelLoss(
  { task, labelSmoothing }: LabelLossOptions,
  logits: Tensor,
  { input }: Pick<HeadState, 'input'>,
): Tensor {
  if (task.kind === 'sequence-classification')
    return softmaxCrossEntropy(logits, input(classIds), { ignoreIndex, labelSmoothing });
  const wanted = input(targets); // [R * S]
  const error = sub(reshape(logits, wanted.shape), wanted);
  return sum(mul(square(error), input(targetWeights)));
}

/** The loss of tasks of labels, whatever the head. Letters: R rows, S samples per row, C labels. */
import { softmaxCrossEntropy } from '@microtune/engine';
import type { LabelTask } from '@microtune/shared';
import { classIds, ignoreIndex, targets, targetWeights } from '@microtune/tasks';
import { mul, reshape, square, sub, sum, type Tensor } from '@tensorflow/tfjs-core';
import type { HeadState } from '../program/head.js';

export interface LabelLossOptions {
  readonly task: LabelTask;
  /** As torch.nn.CrossEntropyLoss: this share of the target is spread evenly over all classes. */
  readonly labelSmoothing: number;
}

/** Sum over samples, so that shards of any size add up to the loss of the whole batch. @param logits [R * S, C] */
export function labelLoss(
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

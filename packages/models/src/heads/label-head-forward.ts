/** The tensors of label-head.ts. Letters: R rows, T tokens per row, S samples per row, H hidden, C labels. */
import { embedding, softmaxCrossEntropy } from '@microtune/engine';
import type { LabelTask } from '@microtune/shared';
import {
  classIds,
  ignoreIndex,
  outputNames,
  targets,
  targetWeights,
  tokenInputs,
} from '@microtune/tasks';
import { mul, reshape, square, sub, sum, type Tensor } from '@tensorflow/tfjs-core';
import type { HeadForward, HeadState } from './head.js';

export interface LabelHeadForwardOptions {
  /** Path of the last product. */
  readonly score: string;
  readonly task: LabelTask;
  readonly labelSmoothing: number;
}

export function labelHeadForward(options: LabelHeadForwardOptions): HeadForward {
  const logitsOf = ({ ops, hidden, finalNorm, input }: HeadState): Tensor => {
    const last = embedding(hidden, input(tokenInputs.lastTokens)); // [R * S, H]
    return ops.linear(options.score, finalNorm(last)); // [R * S, C]
  };
  return {
    lossSum: (state) => lossOf(options, logitsOf(state), state),
    evaluated: (state) => {
      const logits = logitsOf(state);
      return {
        [outputNames.lossSum]: lossOf(options, logits, state),
        [outputNames.logits]: logits,
      };
    },
    outputs: (state) => ({ [outputNames.logits]: logitsOf(state) }),
  };
}

/** Sum over samples, so that shards of any size add up to the loss of the whole batch. */
function lossOf(
  { task, labelSmoothing }: LabelHeadForwardOptions,
  logits: Tensor,
  { input }: HeadState,
): Tensor {
  if (task.kind === 'sequence-classification')
    return softmaxCrossEntropy(logits, input(classIds), { ignoreIndex, labelSmoothing });
  const wanted = input(targets); // [R * S]
  const error = sub(reshape(logits, wanted.shape), wanted);
  return sum(mul(square(error), input(targetWeights)));
}

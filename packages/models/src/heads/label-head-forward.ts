/** The tensors of label-head.ts. Letters: R rows, T tokens per row, S samples per row, H hidden, C labels. */
import { embedding } from '@microtune/engine';
import { outputNames, tokenInputs } from '@microtune/tasks';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { HeadForward, HeadState } from '../program/head.js';
import { labelLoss, type LabelLossOptions } from './label-loss.js';

export interface LabelHeadForwardOptions extends LabelLossOptions {
  /** Path of the last product. */
  readonly score: string;
}

export function labelHeadForward(options: LabelHeadForwardOptions): HeadForward {
  const logitsOf = ({ ops, hidden, finalNorm, input }: HeadState): Tensor => {
    const last = embedding(hidden, input(tokenInputs.lastTokens)); // [R * S, H]
    return ops.linear(options.score, finalNorm(last)); // [R * S, C]
  };
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

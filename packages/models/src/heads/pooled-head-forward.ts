/** The tensors of pooled-head.ts. Letters: R rows, S samples per row, H hidden, C labels. */
import { outputNames } from '@microtune/tasks';
import { tanh, type Tensor } from '@tensorflow/tfjs-core';
import type { HeadForward, HeadState } from '../program/head.js';
import { labelLoss } from './label-loss.js';
import type { PooledHeadOptions } from './pooled-head.js';

export function pooledHeadForward(options: PooledHeadOptions): HeadForward {
  const { pooler, classifier, dropout } = options;
  /** @returns [R * S, C] */
  const logitsOf = ({ ops, hidden }: HeadState): Tensor => {
    const pooled = tanh(ops.linear(pooler, hidden)); // [R * S, H]
    return ops.linear(classifier, ops.drop(classifier, dropout, pooled));
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

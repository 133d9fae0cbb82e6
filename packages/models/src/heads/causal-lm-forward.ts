/** The tensors of causal-lm.ts. Letters: N tokens, V words. */
import { chunkedCrossEntropy } from '@microtune/engine';
import { matMul } from '@tensorflow/tfjs-core';
import { outputNames } from '@microtune/tasks';
import { nextTokens } from './causal-lm.js';
import type { HeadForward, HeadState } from './head.js';

export interface CausalLmForwardOptions {
  /** Path of the module whose weight [V, H] makes the logits. */
  readonly output: string;
  readonly labelSmoothing: number;
}

export function causalLmForward({ output, labelSmoothing }: CausalLmForwardOptions): HeadForward {
  const loss = ({ ops, hidden, finalNorm, input }: HeadState, gradient: 'none' | 'both') =>
    chunkedCrossEntropy(finalNorm(hidden), ops.outputMatrix(output), input(nextTokens), {
      gradient,
      labelSmoothing,
    });
  return {
    lossSum: (state) => loss(state, 'both').lossSum,
    evaluated: (state) => {
      const { lossSum, correct } = loss(state, 'none');
      return { [outputNames.lossSum]: lossSum, [correctName]: correct };
    },
    outputs: ({ ops, hidden, finalNorm }) => ({
      [outputNames.logits]: matMul(finalNorm(hidden), ops.outputMatrix(output), false, true), // [N, V]
    }),
  };
}

/** float32 []: counted tokens that the model would have said itself. */
export const correctName = 'correct';

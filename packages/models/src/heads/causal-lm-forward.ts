/** The tensors of causal-lm.ts. Letters: N tokens, K of them predict, R rows, H hidden, V words. */
import { chunkedCrossEntropy, embedding } from '@microtune/engine';
import { greater, matMul, scalar, where } from '@tensorflow/tfjs-core';
import { causalInputs, correctName, ignoreIndex, outputNames, tokenInputs } from '@microtune/tasks';
import type { HeadForward, HeadState } from '../program/head.js';

export interface CausalLmForwardOptions {
  /** Path of the module whose weight [V, H] makes the logits. */
  readonly output: string;
  readonly labelSmoothing: number;
}

export function causalLmForward({ output, labelSmoothing }: CausalLmForwardOptions): HeadForward {
  const loss = ({ ops, hidden, finalNorm, input }: HeadState, gradient: 'none' | 'both') => {
    const counts = greater(input(causalInputs.targetWeights), scalar(0)); // [K]
    const ignored = scalar(ignoreIndex, 'int32');
    const labels = where(counts, input(causalInputs.targetIds), ignored);
    const predicting = finalNorm(embedding(hidden, input(causalInputs.targetCells))); // [K, H]
    const options = { gradient, labelSmoothing, ignoreIndex };
    return chunkedCrossEntropy(predicting, ops.outputMatrix(output), labels, options);
  };
  return {
    lossSum: (state) => loss(state, 'both').lossSum,
    evaluated: (state) => {
      const { lossSum, correct } = loss(state, 'none');
      return { [outputNames.lossSum]: lossSum, [correctName]: correct };
    },
    outputs: ({ ops, hidden, finalNorm }) => ({
      [outputNames.logits]: matMul(finalNorm(hidden), ops.outputMatrix(output), false, true), // [N, V]
    }),
    nextTokens: ({ ops, hidden, finalNorm, input }) => {
      const last = embedding(hidden, input(tokenInputs.lastTokens)); // [R, H]
      return matMul(finalNorm(last), ops.outputMatrix(output), false, true); // [R, V]
    },
  };
}

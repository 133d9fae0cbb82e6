/** The tensors of label-head.ts. Letters: R rows, T tokens per row, S samples per row, H hidden, C labels. */
import { embedding } from '@microtune/engine';
import { tokenInputs } from '@microtune/tasks';
import type { HeadForward } from '../program/head.js';
import { forwardOf, type LabelLossOptions } from './label-forward.js';

export interface LabelHeadForwardOptions extends LabelLossOptions {
  /** Path of the last product. */
  readonly score: string;
}

export function labelHeadForward(options: LabelHeadForwardOptions): HeadForward {
  return forwardOf(options, ({ ops, hidden, finalNorm, input }) => {
    const last = embedding(hidden, input(tokenInputs.lastTokens)); // [R * S, H]
    return ops.linear(options.score, finalNorm(last)); // [R * S, C]
  });
}

/**
 * The head of a causal language model: each token's hidden state says the next token, by the matrix of the vocabulary,
 * which may be the table of words itself. Only tokens whose prediction counts get logits, some at a time, never all at once.
 */
import { causalInputs } from '@microtune/tasks';
import { linear } from '../program/module.js';
import type { Body } from '../program/body.js';
import type { Head } from '../program/head.js';

export interface CausalLmOptions {
  readonly body: Body;
  /** Path of the output layer where it has a matrix of its own; undefined where it is the table of words. */
  readonly output: string | undefined;
  readonly labelSmoothing: number;
}

export function causalLmHead({ body, output, labelSmoothing }: CausalLmOptions): Head {
  const sizes = { in: body.hiddenSize, out: body.vocabSize };
  return {
    modules: output === undefined ? [] : [linear(output, sizes, false)],
    output,
    readsTable: output === undefined ? body.words : undefined,
    trained: [],
    readout: 'every-token',
    inputs: [],
    labelInputs: Object.values(causalInputs),
    forward: async () => {
      const { causalLmForward } = await import('./causal-lm-forward.js');
      return causalLmForward({ output: output ?? body.words, labelSmoothing });
    },
  };
}

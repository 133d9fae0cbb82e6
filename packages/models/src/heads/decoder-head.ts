/** The head of a decoder for a task, and HuggingFace's name for the two together. */
import type { TaskSpec } from '@microtune/shared';
import type { Body } from '../program/body.js';
import type { Head } from '../program/head.js';
import { causalLmHead } from './causal-lm.js';
import { labelHead } from './label-head.js';

export interface DecoderHeadOptions {
  readonly body: Body;
  readonly task: TaskSpec;
  /** Path of the output layer where it has a matrix of its own; undefined where it is the table of words. */
  readonly output: string | undefined;
  readonly labelSmoothing: number;
}

export function decoderHead({ body, task, output, labelSmoothing }: DecoderHeadOptions): Head {
  return task.kind === 'causal-lm'
    ? causalLmHead({ body, output, labelSmoothing })
    : labelHead({ body, task, labelSmoothing });
}

/** `architectures` of a saved folder. @param language HuggingFace's class of the family as a language model, e.g. `LlamaForCausalLM` */
export function decoderArchitecture(
  { kind }: TaskSpec,
  { className, language }: { readonly className: string; readonly language: string },
): string {
  return kind === 'causal-lm' ? language : `${className}ForSequenceClassification`;
}

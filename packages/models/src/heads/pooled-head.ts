/**
 * Classes or one number from the state of a sample's first token, through a pooler (BertForSequenceClassification of
 * transformers 5).
 */
import { labelCount, type LabelTask } from '@microtune/shared';
import { tokenInputs } from '@microtune/tasks';
import type { Head } from '../program/head.js';
import { linear } from '../program/module.js';
import { labelInputsOf } from './label-inputs.js';

export interface PooledHeadOptions {
  readonly task: LabelTask;
  /** As torch.nn.CrossEntropyLoss: this share of the target is spread evenly over all classes. */
  readonly labelSmoothing: number;
  /** Paths of its modules. */
  readonly pooler: string;
  readonly classifier: string;
  /** Width of the hidden states. */
  readonly width: number;
  /** Of the pooled state. */
  readonly dropout: number;
}

export function pooledHead(options: PooledHeadOptions): Head {
  const { task, pooler, classifier, width } = options;
  return {
    modules: [
      linear(pooler, { in: width, out: width }, true),
      linear(classifier, { in: width, out: labelCount(task) }, true),
    ],
    trained: [classifier],
    readsTable: undefined,
    output: undefined,
    readout: 'first-token',
    inputs: [tokenInputs.firstTokens],
    labelInputs: labelInputsOf(task),
    forward: async () => (await import('./pooled-head-forward.js')).pooledHeadForward(options),
  };
}

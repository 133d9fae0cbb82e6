/**
 * The head of decoders for tasks of labels (`score` of HuggingFace's ...ForSequenceClassification): it reads each
 * sample's last token. HuggingFace finds that one by the pad token's id, here it is told, so a text may end in any token.
 */
import { labelCount, type LabelTask } from '@microtune/shared';
import { tokenInputs } from '@microtune/tasks';
import type { Body } from '../program/body.js';
import { linear } from '../program/module.js';
import type { Head } from '../program/head.js';
import { labelInputsOf } from './label-inputs.js';

export interface LabelHeadOptions {
  readonly body: Body;
  readonly task: LabelTask;
  readonly labelSmoothing: number;
}

const score = 'score';

export function labelHead({ body, task, labelSmoothing }: LabelHeadOptions): Head {
  return {
    modules: [linear(score, { in: body.hiddenSize, out: labelCount(task) }, false)],
    readsTable: undefined,
    output: undefined,
    trained: [score],
    readout: 'every-token',
    inputs: [tokenInputs.lastTokens],
    labelInputs: labelInputsOf(task),
    forward: async () => {
      const { labelHeadForward } = await import('./label-head-forward.js');
      return labelHeadForward({ score, task, labelSmoothing });
    },
  };
}

/**
 * The head of decoders for tasks of labels (`score` of HuggingFace's ...ForSequenceClassification): it reads each
 * sample's last token. HuggingFace finds that one by the pad token's id, here it is told, so a text may end in any token.
 */
import { labelCount, type LabelTask } from '@microtune/shared';
import { classIds, targets, targetWeights, tokenInputs } from '@microtune/tasks';
import type { DecoderBody } from '../families/decoder-body.js';
import { linear } from '../families/module.js';
import type { Head } from './head.js';

export interface LabelHeadOptions {
  readonly body: DecoderBody;
  readonly task: LabelTask;
  readonly labelSmoothing: number;
}

const score = 'score';

export function labelHead({ body, task, labelSmoothing }: LabelHeadOptions): Head {
  return {
    modules: [linear(score, { in: body.hiddenSize, out: labelCount(task) }, false)],
    readsTable: undefined,
    inputs: [tokenInputs.lastTokens],
    labelInputs: task.kind === 'regression' ? [targets, targetWeights] : [classIds],
    forward: async () => {
      const { labelHeadForward } = await import('./label-head-forward.js');
      return labelHeadForward({ score, task, labelSmoothing });
    },
  };
}

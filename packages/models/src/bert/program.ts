/** BERT with a classification or regression head as a ModelProgram: what the worker traces for each shard shape. */
import { labelCount, type LabelTask } from '@microtune/shared';
import { classIds, targets, targetWeights, tokenInputs, type InputSpec } from '@microtune/tasks';
import type { ModelProgram } from '../program.js';
import type { BertConfig } from './config.js';
import type { LastLayer } from './forward.js';
import { bertParameters } from './parameters.js';

export interface BertProgramOptions {
  readonly config: BertConfig;
  readonly task: LabelTask;
  /** As torch.nn.CrossEntropyLoss: this share of the target is spread evenly over all classes. */
  readonly labelSmoothing: number;
  /** See forward.ts. Default `first-token`. */
  readonly lastLayer?: LastLayer;
}

/** Nothing of tfjs is loaded before a graph is traced: whoever only looks at parameters starts faster. */
export function createBertProgram(options: BertProgramOptions): ModelProgram {
  const { config, task, lastLayer = 'first-token' } = options;
  const parameters = bertParameters(config, labelCount(task));
  const inputs = bertInputs(config);
  const labelInputs = task.kind === 'regression' ? [targets, targetWeights] : [classIds];
  const all = { ...options, lastLayer, parameters, inputs, labelInputs };
  const graphs = () => import('./graphs.js');
  return {
    parameters,
    inputs,
    labelInputs,
    traceTraining: async (shape) => (await graphs()).traceTraining(all, shape),
    traceEvaluation: async (shape) => (await graphs()).traceEvaluation(all, shape),
    traceForward: async (shape) => (await graphs()).traceForward(all, shape),
  };
}

function bertInputs({ typeVocabSize }: BertConfig): InputSpec[] {
  const { inputIds, positionIds, sampleOfToken, firstTokens, tokenTypeIds } = tokenInputs;
  const always = [inputIds, positionIds, sampleOfToken, firstTokens];
  // An input that nothing reads would be refused by engines.
  return typeVocabSize > 1 ? [...always, tokenTypeIds] : always;
}

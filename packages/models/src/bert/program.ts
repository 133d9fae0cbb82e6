/** BERT with a classification or regression head as a ModelProgram: what the worker traces for each shard shape. */
import type { ShardShape } from '@microtune/shared';
import type { ModelProgram } from '../program.js';
import type { Task } from '../folder/task.js';
import type { BertConfig } from './config.js';
import type { LastLayer } from './forward.js';
import { bertDropoutSites } from './dropout-sites.js';
import { bertParameters } from './parameters.js';

export interface BertProgramOptions {
  readonly config: BertConfig;
  readonly task: Task;
  /** As torch.nn.CrossEntropyLoss: this share of the target is spread evenly over all classes. */
  readonly labelSmoothing: number;
  /** See forward.ts. Default `first-token`. */
  readonly lastLayer?: LastLayer;
}

const oneRow: ShardShape = { rows: 1, tokens: 1, samplesPerRow: 1 };

/** Nothing of tfjs is loaded before a graph is traced: whoever only looks at parameters starts faster. */
export function createBertProgram(options: BertProgramOptions): ModelProgram {
  const { config, task, lastLayer = 'first-token' } = options;
  const parameters = bertParameters(config, task.numLabels);
  const all = { ...options, lastLayer, parameters };
  const graphs = () => import('./graphs.js');
  return {
    identity: JSON.stringify(['bert', { ...options, lastLayer }]),
    dropoutRates: [...new Set(bertDropoutSites(config, oneRow, lastLayer).map(({ rate }) => rate))],
    parameters,
    numLabels: task.numLabels,
    traceTraining: async (shape) => (await graphs()).traceTraining(all, shape),
    traceEvaluation: async (shape) => (await graphs()).traceEvaluation(all, shape),
    traceForward: async (shape) => (await graphs()).traceForward(all, shape),
  };
}

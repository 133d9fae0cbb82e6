/** BERT with a classification or regression head as a ModelProgram: what the worker traces for each shard shape. */
import {
  dropout,
  optimize,
  rowsOnHost,
  softmaxCrossEntropy,
  trace,
  type TraceContext,
} from '@microtune/engine';
import { ignoreIndex } from '@microtune/data';
import { assert, type ShardShape } from '@microtune/shared';
import {
  mul,
  reshape,
  square,
  sub,
  sum,
  valueAndGrads,
  type Scalar,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { graphNames, type DropoutSite, type ModelProgram, type TracedGraph } from '../program.js';
import type { Task } from '../folder/task.js';
import type { BertConfig } from './config.js';
import { bertLogits, type BertForward, type BertInputs, type Dropout } from './forward.js';
import { bertParameters, names } from './parameters.js';

export interface BertProgramOptions {
  readonly config: BertConfig;
  readonly task: Task;
  /** As torch.nn.CrossEntropyLoss: this share of the target is spread evenly over all classes. */
  readonly labelSmoothing: number;
  /** See forward.ts. Default `first-token`. */
  readonly lastLayer?: BertForward['lastLayer'];
}

export function createBertProgram(options: BertProgramOptions): ModelProgram {
  const parameters = bertParameters(options.config, options.task.numLabels);
  const traced: Traced = { ...options, parameterNames: parameters.map(({ name }) => name) };
  const inputs = (context: TraceContext): Tensor[] =>
    parameters.map(({ name, shape }) => context.input(name, shape, 'float32'));
  return {
    parameters,
    numLabels: options.task.numLabels,
    traceTraining: (shape) => {
      const dropoutSites: DropoutSite[] = [];
      const graph = trace((context) => {
        const batch = batchInputs(context, options.task, shape);
        const drop = dropoutInputs(context, dropoutSites);
        const loss = (...weights: Tensor[]): Scalar =>
          lossSum(traced, logitsOf(traced, { shape, weights, drop }, batch), batch);
        const { value, grads } = valueAndGrads(loss)(inputs(context));
        return { [graphNames.lossSum]: value, ...gradientOutputs(traced.parameterNames, grads) };
      });
      return { graph: wordsOnHost(graph), dropoutSites };
    },
    traceEvaluation: (shape) => {
      const graph = trace((context) => {
        const batch = batchInputs(context, options.task, shape);
        const weights = inputs(context);
        const logits = logitsOf(traced, { shape, weights, drop: (x) => x }, batch);
        return {
          [graphNames.lossSum]: lossSum(traced, logits, batch),
          [graphNames.logits]: logits,
        };
      });
      return { graph: wordsOnHost(graph), dropoutSites: [] };
    },
  };
}

type Traced = BertProgramOptions & { readonly parameterNames: readonly string[] };

interface Batch extends BertInputs {
  readonly labels: Tensor; // int32 or float32 [R]
  readonly rowWeights: Tensor | undefined; // float32 [R], regression only
}

function batchInputs(context: TraceContext, task: Task, { rows, tokens }: ShardShape): Batch {
  const regression = task.problemType === 'regression';
  return {
    ids: context.input(graphNames.inputIds, [rows * tokens], 'int32'),
    mask: context.input(graphNames.attentionMask, [rows, tokens], 'float32'),
    typeIds: context.input(graphNames.tokenTypeIds, [rows * tokens], 'int32'),
    labels: context.input(graphNames.labels, [rows], regression ? 'float32' : 'int32'),
    rowWeights: regression ? context.input(graphNames.rowWeights, [rows], 'float32') : undefined,
  };
}

/** Makes a mask input of every site that has a rate, in the order in which the forward pass meets them. */
function dropoutInputs(context: TraceContext, sites: DropoutSite[]): Dropout {
  return (x, site, rate) => {
    if (rate === 0) return x;
    sites.push({ site, rate, shape: x.shape });
    return dropout(x, context.input(graphNames.dropoutMask(site), x.shape, 'bool'), rate);
  };
}

function logitsOf(
  { config, lastLayer = 'first-token', parameterNames }: Traced,
  { shape, weights, drop }: { shape: ShardShape; weights: readonly Tensor[]; drop: Dropout },
  batch: Batch,
): Tensor {
  const byName = new Map(parameterNames.map((name, i) => [name, weights[i]]));
  const weight = (name: string): Tensor => {
    const found = byName.get(name);
    assert(found, `the program has no parameter ${name}`);
    return found;
  };
  return bertLogits({ config, shape, weight, dropout: drop, lastLayer }, batch);
}

/** Sum over rows, so that shards of any size add up to the loss of the whole batch. */
function lossSum({ task, labelSmoothing }: Traced, logits: Tensor, batch: Batch): Scalar {
  if (batch.rowWeights === undefined) {
    return softmaxCrossEntropy(logits, batch.labels, { ignoreIndex, labelSmoothing }) as Scalar;
  }
  assert(task.numLabels === 1, 'regression has one output');
  const error = sub(reshape(logits, batch.labels.shape), batch.labels); // [R]
  return sum(mul(square(error), batch.rowWeights)) as Scalar;
}

function gradientOutputs(
  parameterNames: readonly string[],
  grads: readonly Tensor[],
): Record<string, Tensor> {
  return Object.fromEntries(
    parameterNames.map((name, i) => {
      const gradient = grads[i];
      assert(gradient, `${name} has a gradient`);
      return [graphNames.gradient(name), gradient];
    }),
  );
}

/** The word table stays on the host: a step touches a few hundred of its rows. */
function wordsOnHost(graph: TracedGraph['graph']): TracedGraph['graph'] {
  return optimize(graph, [rowsOnHost({ tables: [names.words] })]);
}

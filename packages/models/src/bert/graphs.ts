/** The graphs of BERT with a classification or regression head, traced from tfjs: loaded when the first one is traced. */
import {
  optimize,
  rowsOnHost,
  softmaxCrossEntropy,
  trace,
  type TraceContext,
} from '@microtune/engine';
import { assert, type ShardShape } from '@microtune/shared';
import {
  classIds,
  ignoreIndex,
  targets,
  targetWeights,
  tokenInputs,
  type InputSpec,
} from '@microtune/tasks';
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
import { graphNames, type DropoutSite, type Parameter, type TracedGraph } from '../program.js';
import { bertDropoutSites } from './dropout-sites.js';
import { bertLogits, type BertForward, type BertInputs, type DropoutMasks } from './forward.js';
import { names } from './parameters.js';
import type { BertProgramOptions } from './program.js';

/** What a program's graphs are traced from. */
export interface GraphOptions extends Required<BertProgramOptions> {
  readonly parameters: readonly Parameter[];
  readonly inputs: readonly InputSpec[];
  readonly labelInputs: readonly InputSpec[];
}

/** Loss sum and gradients of a shard. */
export function traceTraining(options: GraphOptions, shape: ShardShape): TracedGraph {
  const { config, parameters, lastLayer, inputs, labelInputs } = options;
  const dropoutSites = bertDropoutSites(config, shape, lastLayer);
  const graph = trace((context) => {
    const batch = batchInputs(context, [...inputs, ...labelInputs], shape);
    const masks = maskInputs(context, dropoutSites);
    const loss = (...weights: Tensor[]): Scalar =>
      lossSum(
        options,
        bertLogits(modelOf(options, { shape, weights, dropout: masks }), bertInputs(batch)),
        batch,
      );
    const { value, grads } = valueAndGrads(loss)(weightInputs(context, parameters));
    return { [graphNames.lossSum]: value, ...gradientOutputs(parameters, grads) };
  });
  return { graph: wordsOnHost(graph), dropoutSites };
}

/** Loss sum and logits of a shard. */
export function traceEvaluation(options: GraphOptions, shape: ShardShape): TracedGraph {
  const graph = trace((context) => {
    const batch = batchInputs(context, [...options.inputs, ...options.labelInputs], shape);
    const logits = bertLogits(withoutDropout(context, options, shape), bertInputs(batch));
    return {
      [graphNames.lossSum]: lossSum(options, logits, batch),
      [graphNames.logits]: logits,
    };
  });
  return { graph: wordsOnHost(graph), dropoutSites: [] };
}

/** Logits alone. */
export function traceForward(options: GraphOptions, shape: ShardShape): TracedGraph {
  const graph = trace((context) => {
    const tokens = bertInputs(batchInputs(context, options.inputs, shape));
    return { [graphNames.logits]: bertLogits(withoutDropout(context, options, shape), tokens) };
  });
  return { graph: wordsOnHost(graph), dropoutSites: [] };
}

function weightInputs(context: TraceContext, parameters: readonly Parameter[]): Tensor[] {
  return parameters.map(({ name, shape }) => context.input(name, shape, 'float32'));
}

function modelOf(
  { config, lastLayer, parameters }: GraphOptions,
  given: { shape: ShardShape; weights: readonly Tensor[]; dropout: DropoutMasks },
): BertForward {
  const { shape, weights, dropout } = given;
  return { config, shape, weight: lookUp(parameters, weights), dropout, lastLayer };
}

function withoutDropout(
  context: TraceContext,
  options: GraphOptions,
  shape: ShardShape,
): BertForward {
  const weights = weightInputs(context, options.parameters);
  return modelOf(options, { shape, weights, dropout: new Map() });
}

function lookUp(
  parameters: readonly Parameter[],
  weights: readonly Tensor[],
): (name: string) => Tensor {
  const byName = new Map(parameters.map(({ name }, i) => [name, weights[i]]));
  return (name) => {
    const found = byName.get(name);
    assert(found, `the program has no parameter ${name}`);
    return found;
  };
}

type Inputs = Readonly<Record<string, Tensor>>;

function batchInputs(
  context: TraceContext,
  specs: readonly InputSpec[],
  shard: ShardShape,
): Inputs {
  const input = ({ name, shape, dtype }: InputSpec) =>
    [name, context.input(name, shape(shard), dtype)] as const;
  return Object.fromEntries(specs.map(input));
}

function pick(inputs: Inputs, { name }: InputSpec): Tensor {
  const found = inputs[name];
  assert(found, `the program declares the input ${name}`);
  return found;
}

function bertInputs(inputs: Inputs): BertInputs {
  return {
    ids: pick(inputs, tokenInputs.inputIds),
    positionIds: pick(inputs, tokenInputs.positionIds),
    sampleOfToken: pick(inputs, tokenInputs.sampleOfToken),
    firstTokens: pick(inputs, tokenInputs.firstTokens),
    typeIds: inputs[tokenInputs.tokenTypeIds.name],
  };
}

/**
 * Declared ahead of the differentiated function: tfjs lets go of tensors made inside it before the backward pass,
 * which reads the masks again.
 */
function maskInputs(context: TraceContext, sites: readonly DropoutSite[]): DropoutMasks {
  const input = ({ site, rate, shape }: DropoutSite) =>
    [site, { rate, mask: context.input(graphNames.dropoutMask(site), shape, 'bool') }] as const;
  return new Map(sites.map(input));
}

/** Sum over samples, so that shards of any size add up to the loss of the whole batch. */
function lossSum(
  { task, labelSmoothing }: BertProgramOptions,
  logits: Tensor,
  batch: Inputs,
): Scalar {
  if (task.kind === 'sequence-classification') {
    const options = { ignoreIndex, labelSmoothing };
    return softmaxCrossEntropy(logits, pick(batch, classIds), options) as Scalar;
  }
  const wanted = pick(batch, targets); // [R * S]
  const error = sub(reshape(logits, wanted.shape), wanted);
  return sum(mul(square(error), pick(batch, targetWeights))) as Scalar;
}

function gradientOutputs(
  parameters: readonly Parameter[],
  grads: readonly Tensor[],
): Record<string, Tensor> {
  const outputs: Record<string, Tensor> = {};
  grads.forEach((gradient, i) => {
    const parameter = parameters[i];
    assert(parameter, 'a parameter per gradient');
    outputs[graphNames.gradient(parameter.name)] = gradient;
  });
  return outputs;
}

/** The word table stays on the host: a step touches a few hundred of its rows. */
function wordsOnHost(graph: TracedGraph['graph']): TracedGraph['graph'] {
  return optimize(graph, [rowsOnHost({ tables: [names.words] })]);
}

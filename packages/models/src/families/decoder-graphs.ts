/** The graphs of a decoder with a head, traced from tfjs: loaded when the first one is traced. */
import { optimize, rowsOnHost, trace, type Graph, type TraceContext } from '@microtune/engine';
import { assert, type ShardShape } from '@microtune/shared';
import { tokenInputs, type InputSpec } from '@microtune/tasks';
import { valueAndGrads, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import type { Head, HeadForward, HeadState } from '../heads/head.js';
import { graphNames, type DropoutSite, type Parameter, type TracedGraph } from '../program.js';
import type { DecoderBody, DecoderForward } from './decoder-body.js';
import type { Module } from './module.js';
import type { Ops } from './ops.js';
import { plainOps } from './plain-ops.js';

/** What a program's graphs are traced from. */
export interface DecoderGraphOptions {
  readonly body: DecoderBody;
  readonly head: Head;
  /** Of both. */
  readonly modules: readonly Module[];
  readonly parameters: readonly Parameter[];
  /** Of both, without labels. */
  readonly inputs: readonly InputSpec[];
  /** Path of the table that stays on the host; undefined where all are in the graph. */
  readonly hostRows: string | undefined;
}

/** Loss sum and gradients of a shard. */
export async function traceTraining(
  options: DecoderGraphOptions,
  shape: ShardShape,
): Promise<TracedGraph> {
  const { body, head, parameters, inputs } = options;
  const [forward, headForward] = await Promise.all([body.forward(), head.forward()]);
  const dropoutSites = body.dropoutSites(shape);
  const graph = trace((context) => {
    const batch = batchInputs(context, [...inputs, ...head.labelInputs], shape);
    const masks = maskInputs(context, dropoutSites);
    const loss = (...weights: Tensor[]): Scalar => {
      const ops = opsOver(options, weights, masks);
      return headForward.lossSum(stateOf(forward, ops, { shape, batch })) as Scalar;
    };
    const { value, grads } = valueAndGrads(loss)(weightInputs(context, parameters));
    return { [graphNames.lossSum]: value, ...gradientOutputs(parameters, grads) };
  });
  return { graph: withHostRows(options, graph), dropoutSites };
}

/** What the head gives of an evaluated shard, dropout off. */
export async function traceEvaluation(
  options: DecoderGraphOptions,
  shape: ShardShape,
): Promise<TracedGraph> {
  const inputs = [...options.inputs, ...options.head.labelInputs];
  return traceWithoutDropout(options, { shape, inputs }, (head, state) => head.evaluated(state));
}

/** What the head says without labels. */
export async function traceForward(
  options: DecoderGraphOptions,
  shape: ShardShape,
): Promise<TracedGraph> {
  const { inputs } = options;
  return traceWithoutDropout(options, { shape, inputs }, (head, state) => head.outputs(state));
}

async function traceWithoutDropout(
  options: DecoderGraphOptions,
  { shape, inputs }: { readonly shape: ShardShape; readonly inputs: readonly InputSpec[] },
  outputs: (head: HeadForward, state: HeadState) => Readonly<Record<string, Tensor>>,
): Promise<TracedGraph> {
  const { body, head, parameters } = options;
  const [forward, headForward] = await Promise.all([body.forward(), head.forward()]);
  const graph = trace((context) => {
    const batch = batchInputs(context, inputs, shape);
    const ops = opsOver(options, weightInputs(context, parameters), new Map());
    return outputs(headForward, stateOf(forward, ops, { shape, batch }));
  });
  return { graph: withHostRows(options, graph), dropoutSites: [] };
}

type Inputs = Readonly<Record<string, Tensor>>;
type Masks = ReadonlyMap<string, { readonly mask: Tensor; readonly rate: number }>;

function stateOf(
  forward: DecoderForward,
  ops: Ops,
  { shape, batch }: { readonly shape: ShardShape; readonly batch: Inputs },
): HeadState {
  const input = ({ name }: InputSpec): Tensor => {
    const found = batch[name];
    assert(found, `the program declares the input ${name}`);
    return found;
  };
  const inputs = {
    ids: input(tokenInputs.inputIds),
    positionIds: input(tokenInputs.positionIds),
    sampleOfToken: input(tokenInputs.sampleOfToken),
  };
  const hidden = forward.hidden(ops, { shape, inputs });
  return { ops, hidden, finalNorm: (x) => forward.finalNorm(ops, x), input };
}

function opsOver(
  { body, modules, parameters }: DecoderGraphOptions,
  weights: readonly Tensor[],
  masks: Masks,
): Ops {
  const byName = new Map(parameters.map(({ name }, i) => [name, weights[i]]));
  const weight = (name: string): Tensor => {
    const found = byName.get(name);
    assert(found, `the program has no parameter ${name}`);
    return found;
  };
  return plainOps({ modules, epsilon: body.epsilon, weight, masks });
}

function weightInputs(context: TraceContext, parameters: readonly Parameter[]): Tensor[] {
  return parameters.map(({ name, shape }) => context.input(name, shape, 'float32'));
}

function batchInputs(
  context: TraceContext,
  specs: readonly InputSpec[],
  shard: ShardShape,
): Inputs {
  const input = ({ name, shape, dtype }: InputSpec) =>
    [name, context.input(name, shape(shard), dtype)] as const;
  return Object.fromEntries(specs.map(input));
}

/**
 * Declared ahead of the differentiated function: tfjs lets go of tensors made inside it before the backward pass,
 * which reads the masks again.
 */
function maskInputs(context: TraceContext, sites: readonly DropoutSite[]): Masks {
  const input = ({ site, rate, shape }: DropoutSite) =>
    [site, { rate, mask: context.input(graphNames.dropoutMask(site), shape, 'bool') }] as const;
  return new Map(sites.map(input));
}

function gradientOutputs(
  parameters: readonly Parameter[],
  grads: readonly Tensor[],
): Record<string, Tensor> {
  const named = parameters.map(({ name }, i) => [graphNames.gradient(name), grads[i]] as const);
  return Object.fromEntries(named) as Record<string, Tensor>;
}

function withHostRows({ hostRows }: DecoderGraphOptions, graph: Graph): Graph {
  return optimize(
    graph,
    hostRows === undefined ? [] : [rowsOnHost({ tables: [`${hostRows}.weight`] })],
  );
}

/** The graphs of a program, traced from tfjs: loaded when the first one is traced. */
import { optimize, rowsOnHost, trace, type Graph, type TraceContext } from '@microtune/engine';
import { assert, type ShardShape } from '@microtune/shared';
import { tokenInputs, type InputSpec } from '@microtune/tasks';
import { keep, valueAndGrads, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import type { Method, WrapOps } from '../methods/method.js';
import type { Body, BodyForward, Input } from './body.js';
import { shardShapeOf, type GenerationShape } from './generation-shape.js';
import type { Head, HeadForward, HeadState } from './head.js';
import type { Module } from './module.js';
import type { Ops } from './ops.js';
import { plainOps, type AttentionMemory, type PlainOpsOptions } from './plain-ops.js';
import { graphNames, type DropoutSite, type Parameter, type TracedGraph } from './program.js';

/** What a program's graphs are traced from. */
export interface GraphOptions {
  readonly body: Body;
  readonly head: Head;
  readonly method: Method;
  /** Of both. */
  readonly modules: readonly Module[];
  readonly parameters: readonly Parameter[];
  /** Of both, without labels. */
  readonly inputs: readonly InputSpec[];
}

/** Loss sum of a shard, and the gradients of what is trained. */
export async function traceTraining(
  options: GraphOptions,
  shape: ShardShape,
): Promise<TracedGraph> {
  const { head, parameters, inputs } = options;
  const { forward, headForward, wrap } = await passOf(options);
  const trained = parameters.filter(({ trainable }) => trainable);
  const dropoutSites: DropoutSite[] = [];
  const graph = trace((context) => {
    const input = batchInput(context, [...inputs, ...head.labelInputs], shape);
    const weights = weightInputs(context, parameters);
    const { mask, masks } = maskInputs(context, dropoutSites);
    const loss = (...values: Tensor[]): Scalar => {
      // Those that are not trained are constants of the differentiated function: nothing is computed for their gradients.
      const given = new Map(weights);
      trained.forEach(({ name }, i) => given.set(name, values[i]!));
      const ops = opsOver(options, wrap, { weights: given, mask });
      return headForward.lossSum(stateOf(options, { forward, ops, shape, input })) as Scalar;
    };
    const { value, grads } = valueAndGrads(loss)(trained.map(({ name }) => weights.get(name)!));
    for (const each of masks) each.dispose();
    const gradients = trained.map(({ name }, i) => [graphNames.gradient(name), grads[i]!] as const);
    return { [graphNames.lossSum]: value, ...Object.fromEntries(gradients) };
  });
  return { graph: tablesOnHost(graph, parameters), dropoutSites };
}

/** What the task's digest reads of a shard, dropout off. */
export async function traceEvaluation(
  options: GraphOptions,
  shape: ShardShape,
): Promise<TracedGraph> {
  const inputs = [...options.inputs, ...options.head.labelInputs];
  return traceWithoutDropout(options, { shape, inputs }, (head, state) => head.evaluated(state));
}

/** What the head says without labels. */
export async function traceForward(options: GraphOptions, shape: ShardShape): Promise<TracedGraph> {
  const { inputs } = options;
  return traceWithoutDropout(options, { shape, inputs }, (head, state) => head.outputs(state));
}

/** Logits of what follows each row's last token, with the keys and values of the new tokens. */
export async function traceGeneration(
  options: GraphOptions,
  given: GenerationShape,
): Promise<TracedGraph> {
  const { body, parameters } = options;
  const { forward, headForward, wrap } = await passOf(options);
  const shape = shardShapeOf(given);
  const graph = trace((context) => {
    const input = batchInput(context, [...body.inputs, tokenInputs.lastTokens], shape);
    const weights = weightInputs(context, parameters);
    const { memory, kept } = keptTokens(context, given);
    const ops = opsOver(options, wrap, { weights, mask: () => undefined, memory });
    const pass = { forward, ops, shape, input, cached: given.cached };
    const logits = headForward.nextTokens?.(stateOf(options, pass));
    assert(logits, 'only language models say next tokens');
    return { [graphNames.logits]: logits, ...kept };
  });
  return { graph: tablesOnHost(graph, parameters), dropoutSites: [] };
}

async function traceWithoutDropout(
  options: GraphOptions,
  { shape, inputs }: { readonly shape: ShardShape; readonly inputs: readonly InputSpec[] },
  outputs: (head: HeadForward, state: HeadState) => Readonly<Record<string, Tensor>>,
): Promise<TracedGraph> {
  const { parameters } = options;
  const { forward, headForward, wrap } = await passOf(options);
  const graph = trace((context) => {
    const input = batchInput(context, inputs, shape);
    const weights = weightInputs(context, parameters);
    const ops = opsOver(options, wrap, { weights, mask: () => undefined });
    return outputs(headForward, stateOf(options, { forward, ops, shape, input }));
  });
  return { graph: tablesOnHost(graph, parameters), dropoutSites: [] };
}

type Weights = ReadonlyMap<string, Tensor>;

function stateOf(
  { head: { readout } }: GraphOptions,
  pass: {
    readonly forward: BodyForward;
    readonly ops: Ops;
    readonly shape: ShardShape;
    readonly input: Input;
    readonly cached?: number;
  },
): HeadState {
  const { forward, ops, shape, input, cached } = pass;
  const hidden = forward.hidden(ops, { shape, input, readout, cached });
  return { ops, hidden, finalNorm: (x) => forward.finalNorm(ops, x), input };
}

/** All that loads tfjs. */
async function passOf({ body, head, method }: GraphOptions) {
  const [forward, headForward, wrap] = await Promise.all([
    body.forward(),
    head.forward(),
    method.wrap?.(),
  ]);
  return { forward, headForward, wrap };
}

function opsOver(
  { body: { epsilon }, modules }: GraphOptions,
  wrap: WrapOps | undefined,
  { weights, ...given }: { readonly weights: Weights } & Pick<PlainOpsOptions, 'mask' | 'memory'>,
): Ops {
  const weight = (name: string): Tensor => {
    const found = weights.get(name);
    assert(found, `the program has no parameter ${name}`);
    return found;
  };
  const plain = plainOps({ modules, epsilon, weight, ...given });
  return wrap === undefined ? plain : wrap(plain, weight);
}

function weightInputs(context: TraceContext, parameters: readonly Parameter[]): Weights {
  return new Map(
    parameters.map(({ name, shape }) => [name, context.input(name, shape, 'float32')]),
  );
}

function batchInput(context: TraceContext, specs: readonly InputSpec[], shard: ShardShape): Input {
  const inputs = new Map(
    specs.map(({ name, shape, dtype }) => [name, context.input(name, shape(shard), dtype)]),
  );
  return ({ name }) => {
    const found = inputs.get(name);
    assert(found, `the program declares the input ${name}`);
    return found;
  };
}

/** Masks are declared where the pass asks for them, and their sites noted in `sites`: no list beside the pass can be wrong. */
function maskInputs(context: TraceContext, sites: DropoutSite[]) {
  const masks: Tensor[] = [];
  const mask: PlainOpsOptions['mask'] = (site, rate, shape) => {
    if (rate === 0) return undefined;
    sites.push({ site, rate, shape });
    // Kept: tfjs lets go of tensors made in a differentiated function before the backward pass, which reads masks again.
    const input = keep(context.input(graphNames.dropoutMask(site), shape, 'bool'));
    masks.push(input);
    return input;
  };
  return { mask, masks };
}

/** Kept keys and values are declared where an attention asks for them, and its own are noted in `kept`, outputs of the graph. */
function keptTokens(context: TraceContext, { cached }: GenerationShape) {
  const kept: Record<string, Tensor> = {};
  const memory: AttentionMemory = (path, { key, value }) => {
    kept[graphNames.newKey(path)] = key;
    kept[graphNames.newValue(path)] = value;
    if (cached === 0) return undefined;
    const [rows = 0, heads = 0, , width = 0] = key.shape;
    const past = (name: string) => context.input(name, [rows, heads, cached, width], 'float32');
    return { key: past(graphNames.keptKey(path)), value: past(graphNames.keptValue(path)) };
  };
  return { memory, kept };
}

/** A vocabulary's table stays on the host where nothing but `embed` reads it: a step touches a few hundred of its rows. */
function tablesOnHost(graph: Graph, parameters: readonly Parameter[]): Graph {
  const tables = parameters.filter(({ gradient }) => gradient === 'rows').map(({ name }) => name);
  return optimize(graph, tables.length === 0 ? [] : [rowsOnHost({ tables })]);
}

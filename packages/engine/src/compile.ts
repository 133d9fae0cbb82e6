/** jit for TensorFlow.js in one call: trace, compile, run on host buffers. */
import type { Tensor } from '@tensorflow/tfjs-core';
import { MicrotuneError } from '@microtune/shared';
import type { Engine, EngineName, Precision } from './engine.js';
import type { Graph } from './graph/graph.js';
import { hostBuffer } from './graph/shape.js';
import type { DType, HostBuffer, Shape } from './graph-types.js';
import { loadEngine } from './load-engine.js';
import type { LoadEngineOptions } from './load-engine.js';
import { trace } from './tracer/trace.js';

type Specs = Readonly<Record<string, { readonly shape: Shape; readonly dtype: DType }>>;

export interface CompileFunctionOptions extends Pick<
  LoadEngineOptions,
  'cacheFolder' | 'environment'
> {
  /** An engine to run on, or the name of one to load. Default `auto`. */
  readonly engine?: Engine | EngineName | 'auto';
  /** Default 1. */
  readonly threads?: number;
  /** Default `f32`. */
  readonly precision?: Precision;
}

/** A compiled function. */
export interface Compiled<Outputs extends string> {
  readonly graph: Graph;
  /**
   * Runs it once. Give every input by name, as a typed array of its dtype and size.
   * @returns one buffer per output, owned by the function and overwritten by the next call
   */
  (inputs: Readonly<Record<string, HostBuffer>>): Promise<Readonly<Record<Outputs, HostBuffer>>>;
  dispose(): void;
}

/**
 * Compiles a tfjs function of named tensors to one native call.
 * @param specs shape and dtype of every argument, by name
 * @throws MicrotuneError `usage` for what cannot be traced, or when no engine loads
 * @example
 * const step = await compile(
 *   ({ x, w }) => {
 *     const { value, grad } = tf.valueAndGrad((w) => tf.sum(tf.square(tf.matMul(x, w))))(w);
 *     return { loss: value, gradient: grad };
 *   },
 *   { x: { shape: [8, 4], dtype: 'float32' }, w: { shape: [4, 1], dtype: 'float32' } },
 * );
 * const { loss, gradient } = await step({ x: new Float32Array(32), w: new Float32Array(4) });
 */
export async function compile<Outputs extends string>(
  build: (inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<Outputs, Tensor>>,
  specs: Specs,
  options: CompileFunctionOptions = {},
): Promise<Compiled<Outputs>> {
  const graph = trace((context) => {
    const inputs = Object.entries(specs).map(
      ([name, { shape, dtype }]) => [name, context.input(name, shape, dtype)] as const,
    );
    return build(Object.fromEntries(inputs));
  });
  const { engine: wanted = 'auto', threads = 1, precision = 'f32' } = options;
  const engine = typeof wanted === 'string' ? await loadEngine(wanted, options) : wanted;
  const executable = await engine.compile(graph, { threads, precision });
  const outputs = Object.fromEntries(
    graph.outputs.map(({ name, shape, dtype }) => [name, hostBuffer(shape, dtype)]),
  ) as Record<Outputs, HostBuffer>;
  const call = async (inputs: Readonly<Record<string, HostBuffer>>) => {
    for (const name of Object.keys(inputs)) {
      if (!(name in specs))
        throw new MicrotuneError('usage', `the compiled function has no input "${name}"`);
    }
    await executable.run(inputs, outputs);
    return outputs;
  };
  const dispose = () => {
    executable.dispose();
    if (typeof wanted === 'string') engine.dispose();
  };
  return Object.assign(call, { graph, dispose });
}

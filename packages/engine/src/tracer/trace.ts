/**
 * trace(): runs a tfjs function once on symbolic tensors and returns the graph of what it did, gradients included:
 * inside, tf.grads and tf.valueAndGrads differentiate as always, and what they call is recorded like everything else.
 * tfjs's global state (current backend, scopes, tapes) is as before afterwards, also when the function throws.
 */
import '@tensorflow/tfjs-backend-cpu';
import {
  backend,
  engine,
  findBackend,
  getBackend,
  registerBackend,
  registerKernel,
  tidy,
} from '@tensorflow/tfjs-core';
import type { NamedTensorInfoMap, Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import { MicrotuneError, messageOf } from '@microtune/shared';
import { GraphBuilder } from '../graph/graph-builder.js';
import type { Graph, Value } from '../graph/graph.js';
import type { DType, Shape } from '../graph-types.js';
import { registerGradients } from '../gradients/register-gradients.js';
import { elementwiseKernels } from './elementwise-kernels.js';
import { layoutKernels } from './layout-kernels.js';
import { reductionKernels } from './reduction-kernels.js';
import { TraceBackend, traceBackendName } from './trace-backend.js';
import type { TraceKernel } from './trace-kernel.js';

/** What a traced function is given. */
export interface TraceContext {
  /** Declares a graph input and gives the tensor standing for it. @throws MicrotuneError `usage` for a taken name */
  input(name: string, shape: Shape, dtype: DType): Tensor;
}

const traceKernels: Readonly<Record<string, TraceKernel>> = {
  ...elementwiseKernels,
  ...layoutKernels,
  ...reductionKernels,
};

/**
 * Records the tfjs function `build` as a graph. Inputs come from `context.input`; other tensors that it captures
 * become constants. The record it returns names the outputs.
 * @throws MicrotuneError `usage` for a kernel without a graph op, a read of tensor values, or a trace inside a trace
 * @example
 * const graph = trace(({ input }) => {
 *   const x = input('x', [3], 'float32');
 *   const { value, grad } = tf.valueAndGrad((x) => tf.sum(tf.square(x)))(x);
 *   return { value, grad };
 * });
 */
export function trace(build: (context: TraceContext) => Readonly<Record<string, Tensor>>): Graph {
  registerGradients();
  backend(); // makes tfjs choose its own backend first, so that there is one to go back to
  const before = getBackend();
  const tracer = traceBackend();
  if (tracer.recording !== undefined)
    throw new MicrotuneError('usage', 'trace() was called inside a traced function');
  const recording = new GraphBuilder();
  tracer.recording = recording;
  try {
    // Backends whose factory is synchronous are current as soon as the call returns; the promise carries nothing.
    void engine().setBackend(traceBackendName);
    let outputs: Record<string, Value> = {};
    tidy(() => {
      outputs = record(tracer, recording, build);
    });
    return recording.finish(outputs);
  } catch (error) {
    throw explained(error);
  } finally {
    tracer.recording = undefined;
    void engine().setBackend(before);
  }
}

function record(
  tracer: TraceBackend,
  recording: GraphBuilder,
  build: (context: TraceContext) => Readonly<Record<string, Tensor>>,
): Record<string, Value> {
  const context: TraceContext = {
    input: (name, shape, dtype) =>
      engine().makeTensorFromTensorInfo(tracer.tensorOf(recording.input(name, [...shape], dtype))),
  };
  const outputs = build(context);
  return Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => [name, tracer.symbolOf(tensor)]),
  );
}

/** The one instance: tensors captured from outside live in it until tfjs moves them back. */
function traceBackend(): TraceBackend {
  const existing = findBackend(traceBackendName);
  if (existing instanceof TraceBackend) return existing;
  const tracer = new TraceBackend();
  registerBackend(traceBackendName, () => tracer, 0);
  for (const [kernelName, run] of Object.entries(traceKernels)) {
    registerKernel({
      kernelName,
      backendName: traceBackendName,
      kernelFunc: ({ inputs, attrs }) => runKernel(tracer, run, { inputs, attrs: attrs ?? {} }),
    });
  }
  return tracer;
}

function runKernel(
  tracer: TraceBackend,
  run: TraceKernel,
  { inputs, attrs }: { inputs: NamedTensorInfoMap; attrs: Record<string, unknown> },
): TensorInfo | TensorInfo[] {
  const values: Record<string, Value> = {};
  for (const [name, tensor] of Object.entries(inputs))
    if (tensor) values[name] = tracer.symbolOf(tensor);
  const outputs = run(tracer.recording!, values, attrs);
  return Array.isArray(outputs)
    ? (outputs as readonly Value[]).map((value) => tracer.tensorOf(value))
    : tracer.tensorOf(outputs as Value);
}

/** tfjs's own errors, said in terms of what the user can do. */
function explained(error: unknown): unknown {
  if (error instanceof MicrotuneError) return error;
  const message = messageOf(error);
  const kernelName = /Kernel '(\w+)' not registered for backend 'microtune-trace'/.exec(
    message,
  )?.[1];
  if (kernelName !== undefined) {
    const supported = Object.keys(traceKernels).sort().join(', ');
    return new MicrotuneError(
      'usage',
      `the tfjs kernel ${kernelName} cannot be traced; kernels that can: ${supported}`,
      { cause: error },
    );
  }
  const missingGradient = /gradient function not found for (\w+)/.exec(message)?.[1];
  if (missingGradient !== undefined) {
    return new MicrotuneError(
      'usage',
      `${missingGradient} has no gradient; ops that have one: those of registerGradients()`,
      { cause: error },
    );
  }
  return error;
}

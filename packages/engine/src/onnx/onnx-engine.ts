/**
 * The engine `onnx`: graphs as ONNX bytes in onnxruntime-node, whose parts for Linux are in @microtune/onnxruntime. It
 * needs nothing but npm.
 * `run` blocks the thread while it computes: the binding is not asynchronous (reference of 1.30).
 */
import type { InferenceSession, OnnxValue, Tensor } from 'onnxruntime-node';
import { MicrotuneError, assert, messageOf } from '@microtune/shared';
import type { ByteCompiler, CompileOptions, Engine, EngineUnavailable, Executable, LoweredGraph } from '../engine.js'; // prettier-ignore
import { borderOf } from '../graph/border-of.js';
import { bufferFits } from '../graph/shape.js';
import type { HostBuffer, TensorSpec } from '../graph-types.js';
import { onnxRuntimeVersion } from './runtime-version.js';

type OnnxRuntime = typeof import('onnxruntime-node');

/** Loads onnxruntime, or says why it does not load. */
export async function loadOnnx(): Promise<Engine | EngineUnavailable> {
  try {
    return onnxEngine(await importRuntime());
  } catch (error) {
    return {
      name: 'onnx',
      reason: messageOf(error),
      remedy: `npm install onnxruntime-node@${onnxRuntimeVersion}`,
    };
  }
}

/** Our package, which has the libraries of Linux, or the whole one where the user installed it (other systems). */
async function importRuntime(): Promise<OnnxRuntime> {
  const own = '@microtune/onnxruntime';
  try {
    return (await import(own)) as OnnxRuntime;
  } catch (error) {
    try {
      return await import('onnxruntime-node');
    } catch {
      throw error;
    }
  }
}

function onnxEngine(runtime: OnnxRuntime): Engine {
  const byBytes: ByteCompiler = {
    // Loaded when a graph is lowered: one that was kept needs neither it nor tfjs.
    lower: async (graph, options) => {
      requireF32(options);
      const { toOnnx } = await import('./to-onnx.js');
      return { bytes: toOnnx(graph, { dialect: 'onnxruntime' }), ...borderOf(graph) };
    },
    compile: (lowered, options) => compileBytes(runtime, lowered, options),
  };
  return {
    name: 'onnx',
    version: runtime.env.versions.node ?? runtime.env.versions.common,
    device: 'cpu',
    precisions: ['f32'],
    compile: async (graph, options) =>
      byBytes.compile(await byBytes.lower(graph, options), options),
    byBytes,
    dispose: () => {},
  };
}

function requireF32({ precision }: CompileOptions): void {
  if (precision === 'f32') return;
  throw new MicrotuneError(
    'usage',
    `the engine onnx computes in f32 only, not in ${precision}; use openvino`,
  );
}

async function compileBytes(
  runtime: OnnxRuntime,
  { bytes, ...border }: LoweredGraph,
  options: CompileOptions,
): Promise<Executable> {
  requireF32(options);
  const session = await createSession(runtime, bytes, options.threads);
  return new OnnxExecutable(runtime, session, border);
}

async function createSession(
  runtime: OnnxRuntime,
  model: Uint8Array,
  threads: number,
): Promise<InferenceSession> {
  try {
    return await runtime.InferenceSession.create(model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // Each session's own arena would keep its activations: ten shapes of MiniLM then hold 0.6 GB, at the same speed.
      enableCpuMemArena: false,
      enableMemPattern: true,
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw new MicrotuneError('internal', `onnxruntime refused the graph: ${messageOf(cause)}`, {
      cause,
    });
  }
}

interface Border {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

class OnnxExecutable implements Executable {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #runtime: OnnxRuntime;
  readonly #session: InferenceSession;
  /** Tensors over the caller's buffers, by graph name: the binding copies neither, so a buffer is wrapped once. */
  readonly #wrapped = new Map<string, { readonly buffer: HostBuffer; readonly tensor: Tensor }>();

  constructor(runtime: OnnxRuntime, session: InferenceSession, border: Border) {
    this.#runtime = runtime;
    this.#session = session;
    this.inputs = border.inputs;
    this.outputs = border.outputs;
  }

  async run(
    inputs: Readonly<Record<string, HostBuffer>>,
    outputs: Readonly<Record<string, HostBuffer>>,
  ): Promise<void> {
    const feeds: Record<string, Tensor> = {};
    for (const spec of this.inputs) feeds[spec.name] = this.#wrap('input', spec, inputs[spec.name]);
    const fetches: Record<string, OnnxValue> = {};
    for (const spec of this.outputs)
      fetches[spec.name] = this.#wrap('output', spec, outputs[spec.name]);
    try {
      await this.#session.run(feeds, fetches);
    } catch (cause) {
      throw new MicrotuneError('transient', `onnxruntime failed: ${messageOf(cause)}`, { cause });
    }
  }

  dispose(): void {
    void this.#session.release();
    this.#wrapped.clear();
  }

  #wrap(kind: 'input' | 'output', spec: TensorSpec, buffer: HostBuffer | undefined): Tensor {
    const { name, shape, dtype } = spec;
    assert(buffer !== undefined, `no buffer for graph ${kind} "${name}"`);
    const known = this.#wrapped.get(`${kind} ${name}`);
    if (known !== undefined && known.buffer === buffer) return known.tensor;
    const expected = `${dtype} [${shape.join(', ')}]`;
    assert(
      bufferFits(buffer, shape, dtype),
      `graph ${kind} "${name}" needs a buffer for ${expected}`,
    );
    const tensor = new this.#runtime.Tensor(dtype as 'float32', buffer as Float32Array, [...shape]);
    this.#wrapped.set(`${kind} ${name}`, { buffer, tensor });
    return tensor;
  }
}

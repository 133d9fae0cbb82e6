/**
 * The seam for engines whose device has memory of its own: parameters and optimizer state live there, and a step moves
 * only the batch, the gradient (when other workers need it) and a few numbers. The worker calls, in this order:
 * `init` once; per shard `run` of a gradient program; `accumulate` in tree order; `download` of the sum for the
 * all-reduce and `upload` of its result (neither with one worker); `run` of the apply program once a step; `snapshot`
 * for checkpoints, joins and hashes, `restore` for resuming and joining.
 *
 * Gradients are one flat float32 vector on the device, laid out as the arena is (`packGradient` makes a graph give it
 * so): adding, moving and hashing it is then one operation whatever the model. Rows of tables kept on the host come in
 * with the batch and go out with the host's outputs.
 */
import type { CompileOptions } from '../engine.js';
import type { Graph } from '../graph/graph.js';
import type { HostBuffer, TensorSpec } from '../graph-types.js';

export type HostBuffers = Readonly<Record<string, HostBuffer>>;

/** Name of the output of an apply graph that is the new value of a state tensor. */
export function nextValue(tensor: string): string {
  return `next/${tensor}`;
}

export interface StateTensor extends TensorSpec {
  readonly data: HostBuffer;
}

/** A gradient on the device. Whoever takes it (accumulate, apply) frees it. */
export interface DeviceGradient {
  /** Number of float32 values. */
  readonly count: number;
  /** Frees it unused; does nothing when it was taken. */
  dispose(): void;
}

/** A compiled graph that reads state, and changes none. */
export interface GradientProgram {
  /** Inputs that are not state: what `run` must be given. */
  readonly batch: readonly TensorSpec[];
  /** What a run takes on the device at its peak, beside the state; the gradient that stays is in it. */
  readonly peakBytes: number;
  /**
   * Runs one shard. Outputs other than the gradient are written to `outputs`, all of them. Several runs may be under
   * way; they execute in the order of the calls.
   * @returns the gradient, when the graph was compiled with one
   * @throws MicrotuneError `internal` for missing or wrongly sized buffers, `transient` when the device fails
   */
  run(batch: HostBuffers, outputs: HostBuffers): Promise<DeviceGradient | undefined>;
  dispose(): void;
}

/** A compiled graph that changes state in place: its outputs named `nextValue(tensor)` are the new values. */
export interface ApplyProgram {
  /** Inputs that are neither state nor the gradient: what `run` must be given. */
  readonly scalars: readonly TensorSpec[];
  /** What a run takes on the device at its peak, beside state and gradient. */
  readonly peakBytes: number;
  /**
   * Takes the gradient and updates the state. When it fails the state is lost: end the worker.
   * @throws MicrotuneError `transient` when the device fails
   */
  run(gradient: DeviceGradient, scalars: HostBuffers, outputs: HostBuffers): Promise<void>;
  dispose(): void;
}

export interface DeviceState {
  /** @param options.gradient the output that stays on the device, a flat float32 vector; undefined for evaluation */
  compileGradient(
    graph: Graph,
    options: CompileOptions & { readonly gradient: string | undefined },
  ): Promise<GradientProgram>;
  /** @param options.gradient the input that is the gradient */
  compileApply(
    graph: Graph,
    options: CompileOptions & { readonly gradient: string },
  ): Promise<ApplyProgram>;
  /** What this process can still take of the device's memory; undefined where the engine keeps no account. */
  freeBytes(): number | undefined;
  /** left + right, in left's memory. Takes both. Returns at once; the device adds when it gets there. */
  accumulate(left: DeviceGradient, right: DeviceGradient): DeviceGradient;
  /** Copies `into.length` values from `start` on to the host, once they are computed. */
  download(gradient: DeviceGradient, start: number, into: Float32Array): Promise<void>;
  upload(values: Float32Array): Promise<DeviceGradient>;
  /** Copies the state tensors named to the host: between steps, so that all are of one step. */
  snapshot(into: HostBuffers): Promise<void>;
  /** Replaces the state tensors named. */
  restore(from: HostBuffers): Promise<void>;
  /** Frees everything, when what runs has ended; programs and gradients of this state are dead afterwards. */
  dispose(): void;
}

export interface ResidentEngine {
  /**
   * What is best compiled before the first run. `all`: a program compiled later costs a move of the whole state through
   * the host. `largest`: it tells whether the device's memory is enough. @default nothing in particular
   */
  readonly compileFirst?: 'all' | 'largest' | undefined;
  /** Puts the state on the device: parameters to train, frozen ones, moments. The host's copies are free afterwards. */
  init(tensors: readonly StateTensor[]): Promise<DeviceState>;
}

/**
 * The seam between a graph and what runs it. The worker calls `compile` once per shard shape and `run` once per shard;
 * `bench`, `doctor` and the conformance suite use nothing else. Implementations: a folder per engine.
 * An engine whose device has memory of its own also has `init` (resident/resident.ts): there a worker trains on state
 * that stays on the device.
 */
import type { EngineName } from '@microtune/shared';
import type { Graph } from './graph/graph.js';
import type { HostBuffer, TensorSpec } from './graph-types.js';
import type { ResidentEngine } from './resident/resident.js';

export type { EngineName };
export type Precision = 'f32' | 'bf16';

export interface CompileOptions {
  /** Threads of this executable. */
  threads: number;
  /** `bf16`: matrix products in bfloat16, inputs and outputs stay float32. */
  precision: Precision;
  /**
   * Inputs that are given as the bytes of bfloat16 numbers (Uint8Array, two a number), widened where they are read: the same numbers
   * in half the memory. Of an engine that `takesBfloat16`; names that the graph does not have do not matter.
   */
  bfloat16Inputs?: readonly string[] | undefined;
}

/** A tensor as its engine reads it. */
export interface BorderSpec extends TensorSpec {
  /** See CompileOptions.bfloat16Inputs. */
  readonly isBfloat16?: boolean;
}

export interface Executable {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /**
   * Runs once. Every input must be given; outputs are written into the buffers given, all of them. An engine may
   * remember a buffer by identity between runs (passing the same array again is cheap), so buffers must not detach.
   * One run at a time. @throws MicrotuneError `internal` for missing or wrongly sized buffers, `transient` when the engine fails
   */
  run(
    inputs: Readonly<Record<string, HostBuffer>>,
    outputs: Readonly<Record<string, HostBuffer>>,
  ): Promise<void>;
  dispose(): void;
}

/** A graph as an engine's own bytes, and its border. */
export interface LoweredGraph {
  readonly bytes: Uint8Array;
  readonly inputs: readonly BorderSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** The two halves of `compile`, of an engine that reads a graph as bytes: what the first gives may be kept for a later process. */
export interface ByteCompiler {
  /** A pure function of its arguments. @throws MicrotuneError as `compile` */
  lower(graph: Graph, options: CompileOptions): Promise<LoweredGraph>;
  compile(lowered: LoweredGraph, options: CompileOptions): Promise<Executable>;
}

export interface Engine extends Partial<ResidentEngine> {
  readonly name: EngineName;
  /** Version of the library underneath, for reports. */
  readonly version: string;
  readonly device: string;
  /** Precisions this machine runs natively. */
  readonly precisions: readonly Precision[];
  compile(graph: Graph, options: CompileOptions): Promise<Executable>;
  readonly byBytes?: ByteCompiler;
  /** Inputs may be given as bfloat16. */
  readonly takesBfloat16?: boolean;
  dispose(): void;
}

/** Why an engine does not load here, and the command that would fix it. */
export interface EngineUnavailable {
  readonly name: EngineName;
  readonly reason: string;
  readonly remedy: string | undefined;
}

/**
 * What the worker knows of a model: its parameters, and graphs for a shard shape.
 * create-program.ts makes it of a family and a head; the worker's loop reads no family's name.
 */
import type { Graph } from '@microtune/engine';
import type { ShardShape } from '@microtune/shared';
import { outputNames, type InputSpec } from '@microtune/tasks';
import type { InitialValue } from '../folder/initial-values.js';
import type { Method } from '../methods/method.js';
import type { Module } from './module.js';
import type { GenerationShape } from './generation-shape.js';

/** One tensor of a checkpoint, as HuggingFace names and shapes it, as the graph sees it. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** Weight decay applies (not to biases and norms). */
  readonly decay: boolean;
  /** `rows`: an embedding table whose gradient is row-sparse and never leaves the host. */
  readonly gradient: 'dense' | 'rows';
  /** Has a gradient, moments and a place in the arena; what is not trained is fed as it was loaded. */
  readonly trainable: boolean;
  /** What the learning rate is multiplied by. @default 1 */
  readonly rateFactor?: number;
}

/** Names of graph inputs and outputs, the same for every family; those of a batch are in its InputSpecs. */
export const graphNames = {
  ...outputNames,
  /** bool mask of a dropout site: 1 keeps. */
  dropoutMask: (site: string) => `dropout/${site}`,
  gradient: (parameter: string) => `gradient/${parameter}`,
  /** Of an attention, by its path; [R, K, T, D] of new tokens as outputs, [R, K, C, D] of those kept as inputs. */
  newKey: (path: string) => `new_key/${path}`,
  newValue: (path: string) => `new_value/${path}`,
  keptKey: (path: string) => `kept_key/${path}`,
  keptValue: (path: string) => `kept_value/${path}`,
} as const;

/** A place where dropout acts; masks are drawn per row from (seed, step, sample, site). */
export interface DropoutSite {
  readonly site: string;
  readonly rate: number;
  /** Mask shape for a shard shape; the first axis is rows (or rows * tokens, with rows outermost). */
  readonly shape: readonly number[];
}

export interface TracedGraph {
  readonly graph: Graph;
  /** Sites whose masks are inputs of this graph, in a fixed order. */
  readonly dropoutSites: readonly DropoutSite[];
}

/** See Method.merge. */
export interface ProgramMerge {
  readonly modules: readonly Module[];
  readonly merge: NonNullable<Method['merge']>;
}

export interface ModelProgram {
  /** Equal for programs whose graphs are equal: everything they are traced from, but the shape. */
  readonly identity: string;
  /** The model's own, and those that the method adds. */
  readonly parameters: readonly Parameter[];
  /** How the method's start, by name. */
  readonly added: ReadonlyMap<string, InitialValue>;
  /** See Method.adapterConfig. */
  readonly adapterConfig: Readonly<Record<string, unknown>> | undefined;
  /** How what the method adds is written into the modules; undefined where it adds nothing. */
  readonly merge: ProgramMerge | undefined;
  /** What the forward pass reads of a batch. */
  readonly inputs: readonly InputSpec[];
  /** What the loss reads beside it. */
  readonly labelInputs: readonly InputSpec[];
  /** Loss sum, and the gradient of every parameter that is trained. */
  traceTraining(shape: ShardShape): Promise<TracedGraph>;
  /** What the task's digest reads, dropout off. */
  traceEvaluation(shape: ShardShape): Promise<TracedGraph>;
  /** What answers are made of: no labels go in. */
  traceForward(shape: ShardShape): Promise<TracedGraph>;
  /**
   * Logits of what follows each row's last token, keys and values of the new tokens. Of language models alone.
   * @throws MicrotuneError `internal` for another model
   */
  traceGeneration(shape: GenerationShape): Promise<TracedGraph>;
}

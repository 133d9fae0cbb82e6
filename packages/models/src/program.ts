/**
 * What the worker knows of a model: its parameters in arena order, and graphs for a shard shape.
 * Families (bert/ and later ones) make a ModelProgram; the worker's loop reads no family's name.
 */
import type { Graph } from '@microtune/engine';
import type { ShardShape } from '@microtune/shared';
import { outputNames, type InputSpec } from '@microtune/tasks';

/** A tensor of a checkpoint file, as HuggingFace names and shapes it. */
export interface CheckpointTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * A trainable parameter as the graph sees it. `parts` are the checkpoint's tensors stacked on the first axis: the
 * query, key and value weights of a layer are one [3H, H] parameter, because one product is faster than three, while
 * files keep three tensors. A parameter with one part is that tensor.
 */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly parts: readonly CheckpointTensor[];
  /** Weight decay applies (not to biases and LayerNorm). */
  readonly decay: boolean;
  /** `rows`: an embedding table whose gradient is row-sparse and never leaves the host. */
  readonly gradient: 'dense' | 'rows';
}

/** Names of graph inputs and outputs, the same for every family; those of a batch are in its InputSpecs. */
export const graphNames = {
  ...outputNames,
  /** bool mask of a dropout site: 1 keeps. */
  dropoutMask: (site: string) => `dropout/${site}`,
  gradient: (parameter: string) => `gradient/${parameter}`,
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

export interface ModelProgram {
  /** In arena order. */
  readonly parameters: readonly Parameter[];
  /** What the forward pass reads of a batch. */
  readonly inputs: readonly InputSpec[];
  /** What the loss reads beside it. */
  readonly labelInputs: readonly InputSpec[];
  /** Loss sum, and the gradient of every parameter. */
  traceTraining(shape: ShardShape): Promise<TracedGraph>;
  /** Loss sum and logits, dropout off. */
  traceEvaluation(shape: ShardShape): Promise<TracedGraph>;
  /** Logits alone: no labels go in. */
  traceForward(shape: ShardShape): Promise<TracedGraph>;
}

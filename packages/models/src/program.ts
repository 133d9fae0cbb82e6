/**
 * What the worker knows of a model: its parameters in arena order, and graphs for a shard shape.
 * Families (bert/ and later ones) make a ModelProgram; the worker's loop reads no family's name.
 */
import type { TokenBatch } from '@microtune/data';
import type { Graph } from '@microtune/engine';
import type { ShardShape } from '@microtune/shared';

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

/** Names of graph inputs and outputs, the same for every family. */
export const graphNames = {
  inputIds: 'input_ids', // int32 [rows * tokens]
  /** Place of each token in its sample. */
  positionIds: 'position_ids', // int32 [rows * tokens]
  /** Which sample of its row a token belongs to, from 1; 0 for padding. */
  sampleOfToken: 'sample_of_token', // float32 [rows, tokens]
  /** Where in its row each sample begins; 0 for places without one. */
  firstTokens: 'first_tokens', // int32 [rows * samplesPerRow]
  tokenTypeIds: 'token_type_ids', // int32 [rows * tokens]
  labels: 'labels', // int32 (classification) or float32 (regression) [rows * samplesPerRow]
  labelWeights: 'label_weights', // float32 [rows * samplesPerRow], regression only
  lossSum: 'loss_sum', // float32 []
  logits: 'logits', // float32 [rows * samplesPerRow, numLabels]
  /** bool mask of a dropout site: 1 keeps. */
  dropoutMask: (site: string) => `dropout/${site}`,
  gradient: (parameter: string) => `gradient/${parameter}`,
} as const;

type TokenField = Exclude<keyof TokenBatch, 'shape' | 'rows'>;

/** Which part of a batch of tokens a graph input is, by name. */
export const tokenFields: Readonly<Partial<Record<string, TokenField>>> = {
  [graphNames.inputIds]: 'inputIds',
  [graphNames.positionIds]: 'positionIds',
  [graphNames.sampleOfToken]: 'sampleOfToken',
  [graphNames.firstTokens]: 'firstTokens',
  [graphNames.tokenTypeIds]: 'tokenTypeIds',
};

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
  /** Equal for programs whose graphs are equal: everything they are traced from, but the shape. */
  readonly identity: string;
  /** Of all dropout sites, each once; those above 0. */
  readonly dropoutRates: readonly number[];
  /** In arena order. */
  readonly parameters: readonly Parameter[];
  readonly numLabels: number;
  /** Loss sum, and the gradient of every parameter. */
  traceTraining(shape: ShardShape): Promise<TracedGraph>;
  /** Loss sum and logits, dropout off. */
  traceEvaluation(shape: ShardShape): Promise<TracedGraph>;
  /** Logits alone: no labels go in. */
  traceForward(shape: ShardShape): Promise<TracedGraph>;
}

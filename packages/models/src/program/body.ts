/** What a family is, without a head: its modules, which is all that folders and methods look at, and its forward pass. */
import type { ShardShape } from '@microtune/shared';
import type { InputSpec } from '@microtune/tasks';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { AdapterDefaults } from '../methods/method.js';
import type { Module } from './module.js';
import type { Ops } from './ops.js';

export interface Body {
  readonly modules: readonly Module[];
  /** Path of the table of words. */
  readonly words: string;
  /** Width of a hidden state. */
  readonly hiddenSize: number;
  readonly vocabSize: number;
  /** Of its norms. */
  readonly epsilon: number;
  readonly adapterDefaults: AdapterDefaults;
  /** What its pass reads of a batch. */
  readonly inputs: readonly InputSpec[];
  /** Its forward pass, which loads tfjs. */
  forward(): Promise<BodyForward>;
}

/** A declared input, in the graph. */
export type Input = (spec: Pick<InputSpec, 'name'>) => Tensor;

/** Whose hidden states a head reads: those of every token, or of each sample's first one. */
export type Readout = 'every-token' | 'first-token';

export interface BodyBatch {
  readonly shape: ShardShape;
  readonly input: Input;
  readonly readout: Readout;
  /** Places for tokens before those of the batch, whose keys and values are kept. @default 0 */
  readonly cached?: number | undefined;
}

export interface BodyForward {
  /** @returns hidden states before the last norm where that is a norm of its own: [N, H], or [R * S, H] for `first-token` */
  hidden(ops: Ops, batch: BodyBatch): Tensor;
  /** The last norm, of any tokens: [., H]; x itself where layers end in a norm. */
  finalNorm(ops: Ops, x: Tensor): Tensor;
}

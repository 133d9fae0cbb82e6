/** What a task reads out of a model's hidden states. */
import type { InputSpec } from '@microtune/tasks';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Input, Readout } from './body.js';
import type { Module } from './module.js';
import type { Ops } from './ops.js';

export interface Head {
  /** Modules beside the body's. */
  readonly modules: readonly Module[];
  /** Paths of those that every task makes anew: methods that freeze the model train them all the same. */
  readonly trained: readonly string[];
  /** Path of a table of the body that the head multiplies by (a tied output layer); undefined where none. */
  readonly readsTable: string | undefined;
  /** Path of its output layer where that is a matrix of its own over the vocabulary; undefined where none. */
  readonly output: string | undefined;
  readonly readout: Readout;
  /** Inputs beside the body's, in every graph. */
  readonly inputs: readonly InputSpec[];
  /** What the loss reads. */
  readonly labelInputs: readonly InputSpec[];
  /** Its tensors, which loads tfjs. */
  forward(): Promise<HeadForward>;
}

export interface HeadState {
  readonly ops: Ops;
  /** As `readout` asks, before the last norm: [N, H] or [R * S, H]. */
  readonly hidden: Tensor;
  /** The model's last norm, of any tokens [., H]: heads take their tokens first. */
  readonly finalNorm: (x: Tensor) => Tensor;
  readonly input: Input;
}

export interface HeadForward {
  /** Sum over the labels counted, float32 []: shards of any size add up to the loss of the whole batch. */
  lossSum(state: HeadState): Tensor;
  /** What an evaluation gives by name, the loss sum among it; no gradient is taken of it. */
  evaluated(state: HeadState): Readonly<Record<string, Tensor>>;
  /** What the model says, without labels. */
  outputs(state: HeadState): Readonly<Record<string, Tensor>>;
  /** Logits [R, V] of what follows each row's last token (`tokenInputs.lastTokens`); of language models alone. */
  nextTokens?(state: HeadState): Tensor;
}

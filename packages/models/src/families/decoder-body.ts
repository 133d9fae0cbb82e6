/** What a family of decoders is, without a head. */
import type { ShardShape } from '@microtune/shared';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { DropoutSite } from '../program.js';
import type { DecoderInputs } from './decoder.js';
import type { Module } from './module.js';
import type { Ops } from './ops.js';

export interface DecoderBody {
  readonly modules: readonly Module[];
  /** Path of the table of words. */
  readonly words: string;
  /** Width of a hidden state. */
  readonly hiddenSize: number;
  readonly vocabSize: number;
  /** Of its norms. */
  readonly epsilon: number;
  /** Where it drops with a rate above 0, by the paths that it gives Ops. */
  dropoutSites(shape: ShardShape): readonly DropoutSite[];
  /** Its forward pass, which loads tfjs. */
  forward(): Promise<DecoderForward>;
}

export interface DecoderForward {
  /** @returns hidden states of every token before the last norm, [N, H] */
  hidden(ops: Ops, batch: { readonly shape: ShardShape; readonly inputs: DecoderInputs }): Tensor;
  /** The last norm, of any tokens: [., H]. */
  finalNorm(ops: Ops, x: Tensor): Tensor;
}

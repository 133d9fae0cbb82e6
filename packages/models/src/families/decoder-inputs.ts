/** What decoders read of a batch. */
import { tokenInputs } from '@microtune/tasks';
import type { ShardShape } from '@microtune/shared';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Input } from '../program/body.js';

export const decoderInputSpecs = [
  tokenInputs.inputIds,
  tokenInputs.positionIds,
  tokenInputs.sampleOfToken,
];

export interface DecoderInputs {
  readonly ids: Tensor; // int32 [N]
  /** Place of each token in its sample. */
  readonly positionIds: Tensor; // int32 [N]
  /** From 1; 0 for padding. */
  readonly sampleOfToken: Tensor; // float32 [R, T]
}

/** What a decoder's pass is given. */
export interface DecoderBatch {
  readonly shape: ShardShape;
  readonly inputs: DecoderInputs;
  /** Places for tokens before those of the batch, whose keys and values are kept. @default 0 */
  readonly cached?: number | undefined;
}

export function decoderInputs(input: Input): DecoderInputs {
  return {
    ids: input(tokenInputs.inputIds),
    positionIds: input(tokenInputs.positionIds),
    sampleOfToken: input(tokenInputs.sampleOfToken),
  };
}

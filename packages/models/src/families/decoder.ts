/**
 * What decoders share: what goes in, and how heads lie.
 *
 * A row may hold several samples, one behind the other: positions begin anew with each, and a token attends to those
 * before it in its own sample alone, so every sample's hidden states are what they would be in a row of its own.
 */
import { attentionBias } from '@microtune/engine';
import type { ShardShape } from '@microtune/shared';
import { cast, reshape, transpose, type Tensor } from '@tensorflow/tfjs-core';
import type { DecoderInputs } from './decoder-inputs.js';

/** What the attention of a layer adds to its scores, by the layer's window; layers of one window share it. */
export function causalBiases(
  { positionIds, sampleOfToken }: DecoderInputs,
  windows: readonly (number | undefined)[],
): (layer: number) => Tensor {
  const positions = reshape(cast(positionIds, 'float32'), sampleOfToken.shape as [number, number]);
  const tokens = { samples: sampleOfToken, positions };
  const made = new Map<number | undefined, Tensor>();
  for (const window of new Set(windows))
    made.set(window, attentionBias({ queries: tokens, keys: tokens, causal: true, window }));
  return (layer) => made.get(windows[layer])!;
}

/** [N, A * D] as [R, A, T, D]. */
export function splitHeads(x: Tensor, { rows, tokens }: ShardShape, heads: number): Tensor {
  return transpose(
    reshape(x, [rows, tokens, heads, x.size / (rows * tokens * heads)]),
    [0, 2, 1, 3],
  );
}

/** [R, A, T, D] as [N, A * D]. */
export function joinHeads(x: Tensor): Tensor {
  const [rows, heads, tokens, width] = x.shape as [number, number, number, number];
  return reshape(transpose(x, [0, 2, 1, 3]), [rows * tokens, heads * width]);
}

/**
 * What decoders share: what goes in, and how heads lie.
 *
 * A row may hold several samples, one behind the other: positions begin anew with each, and a token attends to those
 * before it in its own sample alone, so every sample's hidden states are what they would be in a row of its own.
 */
import { attentionBias, type AttendingTokens } from '@microtune/engine';
import type { ShardShape } from '@microtune/shared';
import {
  broadcastTo,
  cast,
  concat,
  less,
  range,
  reshape,
  slice,
  transpose,
  type Tensor,
} from '@tensorflow/tfjs-core';
import type { DecoderInputs } from './decoder-inputs.js';

/**
 * What the attention of a layer adds to its scores, by the layer's window; layers of one window share it.
 * @param cached places for tokens before those of the batch, at most
 * @returns [R, 1, T, T + cached]
 */
export function causalBiases(
  { positionIds, sampleOfToken }: DecoderInputs,
  windows: readonly (number | undefined)[],
  cached = 0,
): (layer: number) => Tensor {
  const positions = reshape(cast(positionIds, 'float32'), sampleOfToken.shape as [number, number]);
  const tokens = { samples: sampleOfToken, positions };
  const keys = cached === 0 ? tokens : withCached(tokens, cached);
  const made = new Map<number | undefined, Tensor>();
  for (const window of new Set(windows))
    made.set(window, attentionBias({ queries: tokens, keys, causal: true, window }));
  return (layer) => made.get(windows[layer])!;
}

/**
 * Tokens with the cached ones behind them: that of place c stands at position c. Places from a row's first token on are empty, or
 * hold what is no longer true: they belong to no sample.
 * @param tokens [R, T], one sample a row, numbered 1
 * @returns [R, T + cached]
 */
function withCached(
  { samples, positions }: Required<AttendingTokens>,
  cached: number,
): AttendingTokens {
  const [rows = 0] = samples.shape;
  const places = reshape(range(0, cached, 1, 'float32'), [1, cached]);
  const first = slice(positions!, [0, 0], [rows, 1]); // [R, 1]
  return {
    samples: concat([samples, cast(less(places, first), 'float32')], 1),
    positions: concat([positions!, broadcastTo(places, [rows, cached])], 1),
  };
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

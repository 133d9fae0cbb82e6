/**
 * What is added to attention scores so that a token attends to its own sample alone, in a decoder to what came before
 * it, with a sliding window only to the nearest of that: 0 where it may look, so low elsewhere that its softmax is
 * exactly 0. Arithmetic on small inputs instead of a mask of the scores' size from the host.
 *
 * Letters: R rows, Q queries and T keys per row.
 */
import { add, mul, relu, reshape, scalar, square, sub } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { MicrotuneError } from '@microtune/shared';
import { registerGradients } from '../gradients/register-gradients.js';

/** Tokens along an axis of the scores. */
export interface AttendingTokens {
  /** The sample each belongs to, whole numbers: float32 [R, n]. */
  readonly samples: Tensor;
  /** Its place in the sample: float32 [R, n]. Read by a causal bias alone. */
  readonly positions?: Tensor | undefined;
}

export interface AttentionBiasOptions {
  readonly queries: AttendingTokens;
  readonly keys: AttendingTokens;
  /** A query sees no key behind it. Default false. */
  readonly causal?: boolean;
  /** A query sees itself and the `window - 1` tokens before it, as `sliding_window` of HuggingFace. Default all. */
  readonly window?: number | undefined;
}

const low = -1e9;

/**
 * -1e9 (Δsample² + relu(k - q) + relu(q - k - window + 1)), with k and q the places of key and query.
 * The reshape comes last: OpenVINO 2026.4 in bfloat16 otherwise fuses this arithmetic into the attention and loses the
 * scores beside 1e9.
 * @returns [R, 1, Q, T]
 * @throws MicrotuneError `usage` for a causal bias without positions, or a window without causality
 */
export function attentionBias(options: AttentionBiasOptions): Tensor {
  const { queries, keys, causal = false, window } = options;
  registerGradients();
  const apart = square(difference(queries.samples, keys.samples)); // [R, Q, T]
  const parts = causal ? [apart, ...placeParts(queries, keys, window)] : [apart];
  if (!causal && window !== undefined)
    throw new MicrotuneError('usage', 'a sliding window needs a causal attention bias');
  const bias = mul(
    parts.reduce((sum, part) => add(sum, part)),
    scalar(low),
  );
  const [rows, count, tokens] = bias.shape as [number, number, number];
  return reshape(bias, [rows, 1, count, tokens]);
}

function placeParts(
  queries: AttendingTokens,
  keys: AttendingTokens,
  window: number | undefined,
): Tensor[] {
  if (queries.positions === undefined || keys.positions === undefined)
    throw new MicrotuneError('usage', 'a causal attention bias needs the positions of its tokens');
  const ahead = difference(keys.positions, queries.positions, 'keys first'); // k - q, [R, Q, T]
  if (window === undefined) return [relu(ahead)];
  return [relu(ahead), relu(sub(scalar(1 - window), ahead))];
}

/** Of every pair of a query and a key: [R, Q, T]. */
function difference(a: Tensor, b: Tensor, order?: 'keys first'): Tensor {
  const [queries, keys] = order === 'keys first' ? [b, a] : [a, b];
  const column = reshape(queries, [queries.shape[0]!, queries.shape[1]!, 1]);
  const row = reshape(keys, [keys.shape[0]!, 1, keys.shape[1]!]);
  return order === 'keys first' ? sub(row, column) : sub(column, row);
}

/** The inputs that tell a causal language model what to predict; those of the tokens are `tokenInputs`. */
import type { ShardShape } from '@microtune/shared';
import type { InputSpec } from '../input-spec.js';

/** Predictions that the head has room for in a shard: what its shape says, else one a token. */
export function targetTokensOf({ rows, tokens, targetTokens = rows * tokens }: ShardShape): number {
  return targetTokens;
}

const perTarget = (shape: ShardShape): number[] => [targetTokensOf(shape)];

/**
 * Letters: R rows, T tokens per row, K target tokens.
 *
 * A head sees only cells whose prediction counts: an output layer over a vocabulary of 50,000 is most of a small
 * model's work, and prompts need none of it.
 */
export const causalInputs = {
  /** [K]: the place in [R * T] of the token that predicts, rising; 0 behind the last. */
  targetCells: { name: 'target_cells', dtype: 'int32', shape: perTarget },
  /** [K]: the token to be predicted, which follows that one; 0 behind the last. */
  targetIds: { name: 'target_ids', dtype: 'int32', shape: perTarget },
  /** [K]: 1 for a prediction that counts, 0 behind the last. */
  targetWeights: { name: 'target_weights', dtype: 'float32', shape: perTarget },
} as const satisfies Record<string, InputSpec>;

/** What the loss of a causal language model reads beside the tokens: `collate` fills them. */
import type { ShardShape } from '@microtune/shared';
import type { InputSpec } from '../input-spec.js';

/** [K]: room for the predictions of a shard; every token may count. */
const perTarget = ({ rows, tokens }: ShardShape): number[] => [rows * tokens];

export const causalInputs = {
  /** [K]: the cells of [rows * tokens] that predict, rising; 0 behind the last. */
  targetCells: { name: 'target_cells', dtype: 'int32', shape: perTarget },
  /** [K]: the token that follows each; 0 behind the last. */
  targetIds: { name: 'target_ids', dtype: 'int32', shape: perTarget },
  /** [K]: 1 for a prediction that counts, 0 behind the last. */
  targetWeights: { name: 'target_weights', dtype: 'float32', shape: perTarget },
} as const satisfies Record<string, InputSpec>;

/** Mistral as a Llama: no biases, and a sliding window in every layer unless it says null. Defaults: MistralConfig of transformers 5. */
import { z } from 'zod';
import type { HfConfig } from '../../folder/config-file.js';
import { commonSettings, llamaKeys, type LlamaConfig } from '../llama/config.js';
import { count, parseConfig } from '../parse-config.js';

const mistralSchema = z.object({
  ...llamaKeys,
  intermediate_size: count.default(14_336),
  num_key_value_heads: count.nullable().default(8),
  max_position_embeddings: count.default(131_072),
  // Absent means the default of the class, null means none.
  sliding_window: count.nullable().default(4096),
  // Other values are of Ministral, whose layers alternate.
  layer_types: z.array(z.literal('sliding_attention')).nullish(),
});

/** @throws MicrotuneError naming the file and the key that does not fit */
export function parseMistralConfig(config: HfConfig, file: string): LlamaConfig {
  const keys = parseConfig(mistralSchema, config, file);
  const window = keys.sliding_window ?? undefined;
  return {
    ...commonSettings(keys, config, file),
    bias: { queryKeyValue: false, attentionOutput: false, feedForward: false },
    headNorms: false,
    windows: new Array<number | undefined>(keys.num_hidden_layers).fill(window),
  };
}

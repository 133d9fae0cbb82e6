/** Qwen2 as a Llama: biases on queries, keys and values alone. Defaults: Qwen2Config of transformers 5. */
import { z } from 'zod';
import type { HfConfig } from '../../folder/config-file.js';
import { commonSettings, llamaKeys, type LlamaConfig } from '../llama/config.js';
import { count, parseConfig } from '../parse-config.js';
import { qwenWindows, slidingKeys } from './windows.js';

/** Keys of Qwen2 and Qwen3. */
export const qwenKeys = {
  ...llamaKeys,
  vocab_size: count.default(151_936),
  intermediate_size: count.default(22_016),
  num_key_value_heads: count.nullable().default(32),
  max_position_embeddings: count.default(32_768),
  ...slidingKeys,
} as const;

const qwen2Schema = z.object(qwenKeys);

/** @throws MicrotuneError naming the file and the key that does not fit */
export function parseQwen2Config(config: HfConfig, file: string): LlamaConfig {
  const keys = parseConfig(qwen2Schema, config, file);
  return {
    ...commonSettings(keys, config, file),
    bias: { queryKeyValue: true, attentionOutput: false, feedForward: false },
    headNorms: false,
    windows: qwenWindows(keys, file),
    ia3Targets: ['q_proj', 'v_proj', 'down_proj'],
  };
}

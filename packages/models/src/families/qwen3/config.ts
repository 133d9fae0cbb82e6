/**
 * Qwen3 as a Llama: no biases by default, heads of a width of their own, and norms over each head of queries and keys.
 * Defaults: Qwen3Config of transformers 5.
 */
import { z } from 'zod';
import type { HfConfig } from '../../folder/config-file.js';
import { commonSettings, type LlamaConfig } from '../llama/config.js';
import { count, parseConfig } from '../parse-config.js';
import { qwenKeys } from '../qwen2/config.js';
import { qwenWindows } from '../qwen2/windows.js';

const qwen3Schema = z.object({
  ...qwenKeys,
  head_dim: count.nullable().default(128),
  attention_bias: z.boolean().default(false),
});

/** @throws MicrotuneError naming the file and the key that does not fit */
export function parseQwen3Config(config: HfConfig, file: string): LlamaConfig {
  const keys = parseConfig(qwen3Schema, config, file);
  const { attention_bias: attention } = keys;
  return {
    ...commonSettings(keys, config, file),
    bias: { queryKeyValue: attention, attentionOutput: attention, feedForward: false },
    headNorms: true,
    windows: qwenWindows(keys, file),
    ia3Targets: ['q_proj', 'v_proj', 'down_proj'],
  };
}

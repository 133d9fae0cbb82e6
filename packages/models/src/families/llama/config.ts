/**
 * The keys of config.json that decide the graph of Llama and its relatives, which differ from each other by little:
 * Mistral, Qwen2 and Qwen3 read their own defaults (../mistral, ../qwen2, ../qwen3) into the same settings.
 * Defaults: LlamaConfig of transformers 5.
 */
import { z } from 'zod';
import { parseRotary, type RotarySettings } from '../../blocks/rotary.js';
import type { HfConfig } from '../../folder/config-file.js';
import {
  count,
  optionalCount,
  parseConfig,
  probability,
  requireMultiple,
  tokenId,
} from '../parse-config.js';

export interface LlamaConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** Heads of keys and values; divides `numHeads`. */
  readonly numKeyHeads: number;
  /** Elements of a head; `numHeads * headWidth` need not be `hiddenSize`. */
  readonly headWidth: number;
  /** Which products have a bias. */
  readonly bias: {
    readonly queryKeyValue: boolean;
    readonly attentionOutput: boolean;
    readonly feedForward: boolean;
  };
  /** Queries and keys pass an RMSNorm over each head before they turn (Qwen3). */
  readonly headNorms: boolean;
  /** Of each layer how many tokens back a token sees, itself included; undefined for all. */
  readonly windows: readonly (number | undefined)[];
  readonly rotary: RotarySettings;
  readonly rmsNormEps: number;
  readonly attentionDropout: number;
  readonly initializerRange: number;
  /** The output layer is the embedding table. */
  readonly tieWordEmbeddings: boolean;
  /** Longest row in tokens. */
  readonly maxTokens: number;
  readonly padTokenId: number | undefined;
  /** What IA3 goes to unless told otherwise, the feed-forward product last. */
  readonly ia3Targets: readonly string[];
}

/** Keys that all of the family have, with Llama's defaults. */
export const llamaKeys = {
  vocab_size: count.default(32_000),
  hidden_size: count.default(4096),
  intermediate_size: count.default(11_008),
  num_hidden_layers: count.default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: optionalCount,
  head_dim: optionalCount,
  // "swish" is what some conversions wrote for the same function.
  hidden_act: z.enum(['silu', 'swish']).default('silu'),
  max_position_embeddings: count.default(2048),
  initializer_range: z.number().positive().default(0.02),
  rms_norm_eps: z.number().positive().default(1e-6),
  attention_dropout: probability.nullish(),
  tie_word_embeddings: z.boolean().default(false),
  pad_token_id: tokenId,
} as const;

const llamaSchema = z.object({
  ...llamaKeys,
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
});

/** @throws MicrotuneError naming the file and the key that does not fit */
export function parseLlamaConfig(config: HfConfig, file: string): LlamaConfig {
  const keys = parseConfig(llamaSchema, config, file);
  const { attention_bias: attention, mlp_bias: feedForward } = keys;
  return {
    ...commonSettings(keys, config, file),
    bias: { queryKeyValue: attention, attentionOutput: attention, feedForward },
    headNorms: false,
    windows: new Array<undefined>(keys.num_hidden_layers).fill(undefined),
  };
}

type CommonKeys = z.infer<z.ZodObject<typeof llamaKeys>>;

/** What all of the family read alike. */
export function commonSettings(
  keys: CommonKeys,
  config: HfConfig,
  file: string,
): Omit<LlamaConfig, 'bias' | 'headNorms' | 'windows'> {
  const {
    hidden_size: hidden,
    num_attention_heads: heads,
    max_position_embeddings: maxTokens,
  } = keys;
  const keyHeads = keys.num_key_value_heads ?? heads;
  requireMultiple(['num_attention_heads', heads], ['num_key_value_heads', keyHeads], file);
  const headWidth = keys.head_dim ?? sharedOut(hidden, heads, file);
  return {
    vocabSize: keys.vocab_size,
    hiddenSize: hidden,
    intermediateSize: keys.intermediate_size,
    numLayers: keys.num_hidden_layers,
    numHeads: heads,
    numKeyHeads: keyHeads,
    headWidth,
    rotary: parseRotary(config, { headWidth, maxTokens, file }),
    rmsNormEps: keys.rms_norm_eps,
    attentionDropout: keys.attention_dropout ?? 0,
    initializerRange: keys.initializer_range,
    tieWordEmbeddings: keys.tie_word_embeddings,
    maxTokens,
    padTokenId: keys.pad_token_id ?? undefined,
    ia3Targets: ['k_proj', 'v_proj', 'down_proj'],
  };
}

function sharedOut(hidden: number, heads: number, file: string): number {
  requireMultiple(['hidden_size', hidden], ['num_attention_heads', heads], file);
  return hidden / heads;
}

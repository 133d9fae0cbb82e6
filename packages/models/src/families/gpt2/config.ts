/** The keys of a GPT-2's config.json that decide its graph, with HuggingFace's defaults (GPT2Config, transformers 5). */
import { z } from 'zod';
import { activationNames, type ActivationName } from '../bert/activation-names.js';
import type { HfConfig } from '../../folder/config-file.js';
import {
  count,
  optionalCount,
  parseConfig,
  probability,
  requireMultiple,
  tokenId,
} from '../parse-config.js';

export interface Gpt2Config {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly activation: ActivationName;
  /** Factor of each layer's attention scores. */
  readonly scales: readonly number[];
  readonly dropout: {
    readonly embeddings: number;
    readonly attention: number;
    readonly residual: number;
  };
  readonly layerNormEps: number;
  readonly initializerRange: number;
  /** The output layer is the embedding table. */
  readonly tieWordEmbeddings: boolean;
  /** Longest row in tokens: positions are learned. */
  readonly maxTokens: number;
  readonly padTokenId: number | undefined;
}

const gpt2Schema = z.object({
  vocab_size: count.default(50_257),
  n_positions: count.default(1024),
  n_embd: count.default(768),
  n_layer: count.default(12),
  n_head: count.default(12),
  n_inner: optionalCount,
  activation_function: z.enum(activationNames).default('gelu_new'),
  resid_pdrop: probability.default(0.1),
  embd_pdrop: probability.default(0.1),
  attn_pdrop: probability.default(0.1),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  initializer_range: z.number().positive().default(0.02),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  // reorder_and_upcast_attn changes the order of factors in half precision, not what is computed.
  add_cross_attention: z.literal(false).nullish(),
  tie_word_embeddings: z.boolean().default(true),
  pad_token_id: tokenId,
});

/** Names that GPT2Config takes as well (its attribute_map). */
const otherNames = {
  n_embd: 'hidden_size',
  n_positions: 'max_position_embeddings',
  n_head: 'num_attention_heads',
  n_layer: 'num_hidden_layers',
} as const;

/** @throws MicrotuneError naming the file and the key that does not fit */
export function parseGpt2Config(config: HfConfig, file: string): Gpt2Config {
  const renamed = Object.entries(otherNames).flatMap(([name, other]) =>
    config[name] === undefined && config[other] !== undefined ? [[name, config[other]]] : [],
  );
  const keys = parseConfig(
    gpt2Schema,
    { ...config, ...(Object.fromEntries(renamed) as HfConfig) },
    file,
  );
  const { n_embd: hidden, n_head: heads, n_layer: layers } = keys;
  requireMultiple(['n_embd', hidden], ['n_head', heads], file);
  const scale = keys.scale_attn_weights ? (hidden / heads) ** -0.5 : 1;
  return {
    vocabSize: keys.vocab_size,
    hiddenSize: hidden,
    intermediateSize: keys.n_inner ?? 4 * hidden,
    numLayers: layers,
    numHeads: heads,
    activation: keys.activation_function,
    scales: Array.from({ length: layers }, (_, layer) =>
      keys.scale_attn_by_inverse_layer_idx ? scale / (layer + 1) : scale,
    ),
    dropout: {
      embeddings: keys.embd_pdrop,
      attention: keys.attn_pdrop,
      residual: keys.resid_pdrop,
    },
    layerNormEps: keys.layer_norm_epsilon,
    initializerRange: keys.initializer_range,
    tieWordEmbeddings: keys.tie_word_embeddings,
    maxTokens: keys.n_positions,
    padTokenId: keys.pad_token_id ?? undefined,
  };
}

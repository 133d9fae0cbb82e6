/** The keys of a BERT's config.json that decide its graph, with HuggingFace's defaults (BertConfig, transformers 5). */
import { MicrotuneError } from '@microtune/shared';
import { z } from 'zod';
import type { HfConfig } from '../../folder/config-file.js';
import { activationNames, type ActivationName } from './activation-names.js';

export interface BertConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly intermediateSize: number;
  readonly hiddenAct: ActivationName;
  readonly hiddenDropoutProb: number;
  readonly attentionProbsDropoutProb: number;
  readonly classifierDropout: number;
  /** Longest row in tokens. */
  readonly maxPositionEmbeddings: number;
  readonly typeVocabSize: number;
  readonly initializerRange: number;
  readonly layerNormEps: number;
  readonly padTokenId: number;
}

const count = z.number().int().positive();
const probability = z.number().min(0).lt(1);

const bertSchema = z.object({
  vocab_size: count.default(30522),
  hidden_size: count.default(768),
  num_hidden_layers: count.default(12),
  num_attention_heads: count.default(12),
  intermediate_size: count.default(3072),
  hidden_act: z.enum(activationNames).default('gelu'),
  hidden_dropout_prob: probability.default(0.1),
  attention_probs_dropout_prob: probability.default(0.1),
  classifier_dropout: probability.nullish(),
  max_position_embeddings: count.default(512),
  type_vocab_size: count.default(2),
  initializer_range: z.number().positive().default(0.02),
  layer_norm_eps: z.number().positive().default(1e-12),
  pad_token_id: z.number().int().nonnegative().nullish(),
  position_embedding_type: z.literal('absolute').nullish(),
  is_decoder: z.literal(false).nullish(),
  add_cross_attention: z.literal(false).nullish(),
});

/** @throws MicrotuneError `data` naming the file and the key that does not fit */
export function parseBertConfig(config: HfConfig, file: string): BertConfig {
  const result = bertSchema.safeParse(config);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new MicrotuneError(
      'data',
      `${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    );
  }
  const parsed = result.data;
  checkWidths(parsed, file);
  return {
    vocabSize: parsed.vocab_size,
    hiddenSize: parsed.hidden_size,
    numLayers: parsed.num_hidden_layers,
    numHeads: parsed.num_attention_heads,
    intermediateSize: parsed.intermediate_size,
    hiddenAct: parsed.hidden_act,
    hiddenDropoutProb: parsed.hidden_dropout_prob,
    attentionProbsDropoutProb: parsed.attention_probs_dropout_prob,
    classifierDropout: parsed.classifier_dropout ?? parsed.hidden_dropout_prob,
    maxPositionEmbeddings: parsed.max_position_embeddings,
    typeVocabSize: parsed.type_vocab_size,
    initializerRange: parsed.initializer_range,
    layerNormEps: parsed.layer_norm_eps,
    padTokenId: parsed.pad_token_id ?? 0,
  };
}

function checkWidths(
  parsed: { hidden_size: number; num_attention_heads: number },
  file: string,
): void {
  const { hidden_size: hidden, num_attention_heads: heads } = parsed;
  if (hidden % heads !== 0) {
    throw new MicrotuneError(
      'data',
      `${file}: hidden_size ${hidden} is not a multiple of num_attention_heads ${heads}`,
    );
  }
  // Rows of the word table are updated one by one with SIMD, four values at a time.
  if (hidden % 4 !== 0) {
    throw new MicrotuneError('data', `${file}: hidden_size ${hidden} is not a multiple of 4`);
  }
}

/** The modules of Llama and its relatives, named as HuggingFace names them, and the names they may have in files. */
import type { Module } from '../../program/module.js';
import { embeddingTable, linear, rmsNormOf } from '../../program/module.js';
import type { LlamaConfig } from './config.js';

export const llamaNames = {
  words: 'model.embed_tokens',
  layer: (index: number) => `model.layers.${index}`,
  norm: 'model.norm',
  output: 'lm_head',
  score: 'score',
} as const;

/** Without a head. */
export function llamaModules(config: LlamaConfig): Module[] {
  const { hiddenSize: hidden, numLayers } = config;
  return [
    embeddingTable(llamaNames.words, config.vocabSize, hidden),
    ...Array.from({ length: numLayers }, (_, index) => layerModules(config, index)).flat(),
    rmsNormOf(llamaNames.norm, hidden),
  ];
}

function layerModules(config: LlamaConfig, index: number): Module[] {
  const { hiddenSize: hidden, intermediateSize: inner, headWidth, bias } = config;
  const layer = llamaNames.layer(index);
  const queries = config.numHeads * headWidth;
  const keys = config.numKeyHeads * headWidth;
  const norms = config.headNorms ? ['q_norm', 'k_norm'] : [];
  return [
    rmsNormOf(`${layer}.input_layernorm`, hidden),
    linear(`${layer}.self_attn.q_proj`, { in: hidden, out: queries }, bias.queryKeyValue),
    linear(`${layer}.self_attn.k_proj`, { in: hidden, out: keys }, bias.queryKeyValue),
    linear(`${layer}.self_attn.v_proj`, { in: hidden, out: keys }, bias.queryKeyValue),
    linear(`${layer}.self_attn.o_proj`, { in: queries, out: hidden }, bias.attentionOutput),
    ...norms.map((norm) => rmsNormOf(`${layer}.self_attn.${norm}`, headWidth)),
    rmsNormOf(`${layer}.post_attention_layernorm`, hidden),
    linear(`${layer}.mlp.gate_proj`, { in: hidden, out: inner }, bias.feedForward),
    linear(`${layer}.mlp.up_proj`, { in: hidden, out: inner }, bias.feedForward),
    linear(`${layer}.mlp.down_proj`, { in: inner, out: hidden }, bias.feedForward),
  ];
}

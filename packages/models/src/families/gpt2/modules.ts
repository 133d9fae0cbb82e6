/** The modules of GPT-2, named as HuggingFace names them. */
import type { Module } from '../../program/module.js';
import { conv1d, embeddingTable, layerNormOf } from '../../program/module.js';
import type { Gpt2Config } from './config.js';

export const gpt2Names = {
  words: 'transformer.wte',
  positions: 'transformer.wpe',
  layer: (index: number) => `transformer.h.${index}`,
  norm: 'transformer.ln_f',
  output: 'lm_head',
  score: 'score',
} as const;

/** Without a head. */
export function gpt2Modules(config: Gpt2Config): Module[] {
  const { hiddenSize: hidden, numLayers } = config;
  return [
    embeddingTable(gpt2Names.words, config.vocabSize, hidden),
    embeddingTable(gpt2Names.positions, config.maxTokens, hidden),
    ...Array.from({ length: numLayers }, (_, index) => layerModules(config, index)).flat(),
    layerNormOf(gpt2Names.norm, hidden),
  ];
}

function layerModules(
  { hiddenSize: hidden, intermediateSize: inner }: Gpt2Config,
  index: number,
): Module[] {
  const layer = gpt2Names.layer(index);
  return [
    layerNormOf(`${layer}.ln_1`, hidden),
    conv1d(`${layer}.attn.c_attn`, { in: hidden, out: 3 * hidden }),
    conv1d(`${layer}.attn.c_proj`, { in: hidden, out: hidden }),
    layerNormOf(`${layer}.ln_2`, hidden),
    conv1d(`${layer}.mlp.c_fc`, { in: hidden, out: inner }),
    conv1d(`${layer}.mlp.c_proj`, { in: inner, out: hidden }),
  ];
}

/** Where dropout acts in GPT-2, in the order of the forward pass: as in modeling_gpt2.py. */
import type { ShardShape } from '@microtune/shared';
import type { DropoutSite } from '../../program.js';
import type { Gpt2Config } from './config.js';
import { gpt2Names } from './modules.js';

/** Of the attention's probabilities it is the attention's own path. */
export const gpt2Sites = {
  embeddings: 'transformer.drop',
  attention: (index: number) => `${gpt2Names.layer(index)}.attn`,
  attentionOutput: (index: number) => `${gpt2Names.layer(index)}.attn.resid_dropout`,
  output: (index: number) => `${gpt2Names.layer(index)}.mlp.dropout`,
} as const;

/** Sites with a rate above 0. */
export function gpt2DropoutSites(config: Gpt2Config, { rows, tokens }: ShardShape): DropoutSite[] {
  const { dropout, hiddenSize, numHeads, numLayers } = config;
  const wide = [rows * tokens, hiddenSize];
  const layer = (index: number): DropoutSite[] => [
    {
      site: gpt2Sites.attention(index),
      rate: dropout.attention,
      shape: [rows, numHeads, tokens, tokens],
    },
    { site: gpt2Sites.attentionOutput(index), rate: dropout.residual, shape: wide },
    { site: gpt2Sites.output(index), rate: dropout.residual, shape: wide },
  ];
  return [
    { site: gpt2Sites.embeddings, rate: dropout.embeddings, shape: wide },
    ...Array.from({ length: numLayers }, (_, index) => layer(index)).flat(),
  ].filter(({ rate }) => rate > 0);
}

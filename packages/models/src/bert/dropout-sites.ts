/**
 * Where dropout acts in BERT, in the order of the forward pass: as in modeling_bert.py, but in the last layer on the
 * first tokens alone when nothing else is computed there.
 */
import type { ShardShape } from '@microtune/shared';
import type { DropoutSite } from '../program.js';
import type { BertConfig } from './config.js';
import type { LastLayer } from './forward.js';

export const siteNames = {
  embeddings: 'embeddings',
  attentionProbs: (layer: number) => `layer.${layer}.attention_probs`,
  attentionOutput: (layer: number) => `layer.${layer}.attention_output`,
  output: (layer: number) => `layer.${layer}.output`,
  classifier: 'classifier',
} as const;

/** Sites with a rate above 0. */
export function bertDropoutSites(
  config: BertConfig,
  { rows, tokens, samplesPerRow }: ShardShape,
  lastLayer: LastLayer,
): DropoutSite[] {
  const { hiddenSize: hidden, numHeads: heads, numLayers } = config;
  const rate = config.hiddenDropoutProb;
  const layer = (index: number): DropoutSite[] => {
    const short = index === numLayers - 1 && lastLayer === 'first-token';
    const positions = short ? samplesPerRow : tokens;
    return [
      {
        site: siteNames.attentionProbs(index),
        rate: config.attentionProbsDropoutProb,
        shape: [rows, heads, positions, tokens],
      },
      { site: siteNames.attentionOutput(index), rate, shape: [rows * positions, hidden] },
      { site: siteNames.output(index), rate, shape: [rows * positions, hidden] },
    ];
  };
  return [
    { site: siteNames.embeddings, rate, shape: [rows * tokens, hidden] },
    ...Array.from({ length: numLayers }, (_, index) => layer(index)).flat(),
    {
      site: siteNames.classifier,
      rate: config.classifierDropout,
      shape: [rows * samplesPerRow, hidden],
    },
  ].filter((site) => site.rate > 0);
}

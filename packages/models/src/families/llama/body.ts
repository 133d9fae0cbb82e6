/** Llama and its relatives as a DecoderBody. */
import type { DecoderBody } from '../decoder-body.js';
import type { LlamaConfig } from './config.js';
import { llamaModules, llamaNames } from './modules.js';

export function llamaBody(config: LlamaConfig): DecoderBody {
  const { hiddenSize, vocabSize, numLayers, numHeads, attentionDropout: rate } = config;
  return {
    modules: llamaModules(config),
    words: llamaNames.words,
    hiddenSize,
    vocabSize,
    epsilon: config.rmsNormEps,
    // The probabilities of attention are all that drops, at the path of the attention.
    dropoutSites: ({ rows, tokens }) =>
      Array.from({ length: rate > 0 ? numLayers : 0 }, (_, index) => ({
        site: `${llamaNames.layer(index)}.self_attn`,
        rate,
        shape: [rows, numHeads, tokens, tokens],
      })),
    forward: async () => {
      const { llamaFinalNorm, llamaHidden } = await import('./forward.js');
      return { hidden: (ops, batch) => llamaHidden(ops, config, batch), finalNorm: llamaFinalNorm };
    },
  };
}

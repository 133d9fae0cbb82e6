/** GPT-2 as a DecoderBody. */
import type { DecoderBody } from '../decoder-body.js';
import type { Gpt2Config } from './config.js';
import { gpt2DropoutSites } from './dropout-sites.js';
import { gpt2Modules, gpt2Names } from './modules.js';

export function gpt2Body(config: Gpt2Config): DecoderBody {
  return {
    modules: gpt2Modules(config),
    words: gpt2Names.words,
    hiddenSize: config.hiddenSize,
    vocabSize: config.vocabSize,
    epsilon: config.layerNormEps,
    dropoutSites: (shape) => gpt2DropoutSites(config, shape),
    forward: async () => {
      const { gpt2FinalNorm, gpt2Hidden } = await import('./forward.js');
      return { hidden: (ops, batch) => gpt2Hidden(ops, config, batch), finalNorm: gpt2FinalNorm };
    },
  };
}

/** GPT-2 as a Body. */
import type { Body } from '../../program/body.js';
import { decoderInputs, decoderInputSpecs } from '../decoder-inputs.js';
import type { Gpt2Config } from './config.js';
import { gpt2Modules, gpt2Names } from './modules.js';

export function gpt2Body(config: Gpt2Config): Body {
  return {
    modules: gpt2Modules(config),
    words: gpt2Names.words,
    hiddenSize: config.hiddenSize,
    vocabSize: config.vocabSize,
    epsilon: config.layerNormEps,
    adapterDefaults: {
      lora: ['c_attn'],
      ia3: ['c_attn', 'mlp.c_proj'],
      ia3Feedforward: ['mlp.c_proj'],
    },
    inputs: decoderInputSpecs,
    forward: async () => {
      const { gpt2FinalNorm, gpt2Hidden } = await import('./forward.js');
      return {
        hidden: (ops, { shape, input, cached }) =>
          gpt2Hidden(ops, config, { shape, inputs: decoderInputs(input), cached }),
        finalNorm: gpt2FinalNorm,
      };
    },
  };
}

/** Llama and its relatives as a Body. */
import type { Body } from '../../program/body.js';
import { decoderInputs, decoderInputSpecs } from '../decoder-inputs.js';
import type { LlamaConfig } from './config.js';
import { llamaModules, llamaNames } from './modules.js';

export function llamaBody(config: LlamaConfig): Body {
  const { hiddenSize, vocabSize } = config;
  return {
    modules: llamaModules(config),
    words: llamaNames.words,
    hiddenSize,
    vocabSize,
    epsilon: config.rmsNormEps,
    adapterDefaults: {
      lora: ['q_proj', 'v_proj'],
      ia3: config.ia3Targets,
      ia3Feedforward: ['down_proj'],
    },
    inputs: decoderInputSpecs,
    forward: async () => {
      const { llamaFinalNorm, llamaHidden } = await import('./forward.js');
      return {
        hidden: (ops, { shape, input, cached }) =>
          llamaHidden(ops, config, { shape, inputs: decoderInputs(input), cached }),
        finalNorm: llamaFinalNorm,
      };
    },
  };
}

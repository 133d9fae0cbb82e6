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
    loraTargets: ['q_proj', 'v_proj'],
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

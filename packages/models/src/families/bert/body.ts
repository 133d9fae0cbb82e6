/** BERT as a Body. */
import { tokenInputs, type InputSpec } from '@microtune/tasks';
import type { Body, Readout } from '../../program/body.js';
import type { BertConfig } from './config.js';
import { bertModules, paths } from './modules.js';

/** @param lastLayer see forward.ts */
export function bertBody(config: BertConfig, lastLayer: Readout = 'first-token'): Body {
  const { hiddenSize, vocabSize } = config;
  return {
    modules: bertModules(config),
    words: paths.words,
    hiddenSize,
    vocabSize,
    epsilon: config.layerNormEps,
    adapterDefaults: {
      lora: ['query', 'value'],
      ia3: ['key', 'value', 'output.dense'],
      ia3Feedforward: ['output.dense'],
    },
    inputs: bertInputs(config),
    forward: async () => (await import('./forward.js')).bertForward(config, lastLayer),
  };
}

function bertInputs({ typeVocabSize }: BertConfig): InputSpec[] {
  const { inputIds, positionIds, sampleOfToken, tokenTypeIds } = tokenInputs;
  const always = [inputIds, positionIds, sampleOfToken];
  // An input that nothing reads would be refused by engines.
  return typeVocabSize > 1 ? [...always, tokenTypeIds] : always;
}

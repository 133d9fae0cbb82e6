/** BERT as the folder code sees it. */
import type { FamilyModel, ModelFamily } from '../folder/family.js';
import type { InitialValue } from '../folder/initial-values.js';
import { parseBertConfig, type BertConfig } from './config.js';
import { fileNames, layerOf, mayBeCreated, names } from './parameters.js';
import { createBertProgram } from './program.js';

export const bertFamily: ModelFamily = {
  architecture: 'BertForSequenceClassification',
  create: ({ config: raw, task, labelSmoothing, file }): FamilyModel => {
    const config = parseBertConfig(raw, file);
    return {
      program: createBertProgram({ config, task, labelSmoothing }),
      maxTokens: config.maxPositionEmbeddings,
      vocabSize: config.vocabSize,
      typeVocabSize: config.typeVocabSize,
      padTokenId: config.padTokenId,
      numLayers: config.numLayers,
      layerOf,
      fileNames,
      mayBeCreated,
      initialValue: (tensor) => initialValue(tensor, config),
    };
  },
};

/** Weights normal, biases 0, LayerNorm the identity, the pad token's embedding 0. */
function initialValue(tensor: string, config: BertConfig): InitialValue {
  if (tensor.endsWith('.bias')) return { kind: 'constant', value: 0 };
  if (tensor.endsWith('LayerNorm.weight')) return { kind: 'constant', value: 1 };
  const normal = { kind: 'normal', deviation: config.initializerRange } as const;
  return tensor === names.words ? { ...normal, zeroRow: config.padTokenId } : normal;
}

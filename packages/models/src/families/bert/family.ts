/** BERT as the folder code sees it. */
import { MicrotuneError, isLabelTask, type LabelTask, type TaskSpec } from '@microtune/shared';
import { identityOf, type FamilyModel, type ModelFamily } from '../../folder/family.js';
import type { InitialValue } from '../../folder/initial-values.js';
import { createProgram } from '../../program/create-program.js';
import { bertBody } from './body.js';
import { parseBertConfig, type BertConfig } from './config.js';
import { bertHead } from './heads.js';
import { fileNames, layerOf, mayBeCreated, paths } from './modules.js';

export const bertFamily: ModelFamily = {
  readsForward: false,
  architecture: () => 'BertForSequenceClassification',
  create: (options): FamilyModel => {
    const { config: raw, labelSmoothing, method, file } = options;
    const task = requireLabels(options.task, file);
    const config = parseBertConfig(raw, file);
    return {
      program: createProgram({
        identity: identityOf(options),
        body: bertBody(config),
        head: bertHead(config, { task, labelSmoothing }),
        method,
      }),
      maxTokens: config.maxPositionEmbeddings,
      vocabSize: config.vocabSize,
      typeVocabSize: config.typeVocabSize,
      padTokenId: config.padTokenId,
      numLayers: config.numLayers,
      hiddenSize: config.hiddenSize,
      layerOf,
      fileNames,
      mayBeCreated,
      initialValue: (tensor) => initialValue(tensor, config),
    };
  },
};

function requireLabels(task: TaskSpec, file: string): LabelTask {
  if (isLabelTask(task)) return task;
  throw new MicrotuneError(
    'usage',
    `task: ${task.kind} needs a model that reads from left to right, and ${file} has model_type bert, which sees the whole text: ` +
      'give a model of gpt2, llama, mistral, qwen2 or qwen3, or leave --task out to learn labels',
  );
}

/** Weights normal, biases 0, LayerNorm the identity, the pad token's embedding 0. */
function initialValue(tensor: string, config: BertConfig): InitialValue {
  if (tensor.endsWith('.bias')) return { kind: 'constant', value: 0 };
  if (tensor.endsWith('LayerNorm.weight')) return { kind: 'constant', value: 1 };
  const normal = { kind: 'normal', deviation: config.initializerRange } as const;
  return tensor === `${paths.words}.weight` ? { ...normal, zeroRow: config.padTokenId } : normal;
}

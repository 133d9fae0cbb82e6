/** GPT-2 as the folder code sees it. */
import { identityOf, type FamilyModel, type ModelFamily } from '../../folder/family.js';
import type { InitialValue } from '../../folder/initial-values.js';
import { decoderArchitecture, decoderHead } from '../../heads/decoder-head.js';
import { createProgram } from '../../program/create-program.js';
import { gpt2Body } from './body.js';
import { parseGpt2Config, type Gpt2Config } from './config.js';
import { gpt2Names } from './modules.js';
import { gpt2FileNames, gpt2LayerOf, gpt2MayBeCreated } from './names.js';

export const gpt2Family: ModelFamily = {
  readsForward: true,
  architecture: (task) =>
    decoderArchitecture(task, { className: 'GPT2', language: 'GPT2LMHeadModel' }),
  create: (options): FamilyModel => {
    const { config: raw, task, labelSmoothing, method, file } = options;
    const config = parseGpt2Config(raw, file);
    const body = gpt2Body(config);
    const output = config.tieWordEmbeddings ? undefined : gpt2Names.output;
    const head = decoderHead({ body, task, output, labelSmoothing });
    return {
      program: createProgram({ identity: identityOf(options), body, head, method }),
      maxTokens: config.maxTokens,
      vocabSize: config.vocabSize,
      typeVocabSize: 1,
      // What stands in padding does not matter: nothing looks at it.
      padTokenId: config.padTokenId ?? 0,
      numLayers: config.numLayers,
      hiddenSize: config.hiddenSize,
      layerOf: gpt2LayerOf,
      fileNames: gpt2FileNames,
      mayBeCreated: gpt2MayBeCreated,
      initialValue: (tensor) => initialValue(tensor, config),
    };
  },
};

/** Normal, biases 0, norms the identity; products that end in the residual narrower, by the number of them (GPT2PreTrainedModel). */
function initialValue(tensor: string, { initializerRange, numLayers }: Gpt2Config): InitialValue {
  if (tensor.endsWith('.bias')) return { kind: 'constant', value: 0 };
  if (/\.ln_(?:1|2|f)\.weight$/.test(tensor)) return { kind: 'constant', value: 1 };
  const isResidual = tensor.endsWith('.c_proj.weight');
  return {
    kind: 'normal',
    deviation: isResidual ? initializerRange / Math.sqrt(2 * numLayers) : initializerRange,
  };
}

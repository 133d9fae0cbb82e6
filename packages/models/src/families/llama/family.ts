/** Llama and its relatives as the folder code sees them. */
import type { HfConfig } from '../../folder/config-file.js';
import { identityOf, type FamilyModel, type ModelFamily } from '../../folder/family.js';
import { decoderArchitecture, decoderHead } from '../../heads/decoder-head.js';
import { createProgram } from '../../program/create-program.js';
import { parseMistralConfig } from '../mistral/config.js';
import { parseQwen2Config } from '../qwen2/config.js';
import { parseQwen3Config } from '../qwen3/config.js';
import { llamaBody } from './body.js';
import { parseLlamaConfig, type LlamaConfig } from './config.js';
import { llamaInitialValue } from './initial-value.js';
import { llamaNames } from './modules.js';
import { llamaFileNames, llamaLayerOf, llamaMayBeCreated } from './names.js';

export const llamaFamily = familyOf('Llama', parseLlamaConfig);
export const mistralFamily = familyOf('Mistral', parseMistralConfig);
export const qwen2Family = familyOf('Qwen2', parseQwen2Config);
export const qwen3Family = familyOf('Qwen3', parseQwen3Config);

/** @param className what HuggingFace's class names begin with */
function familyOf(
  className: string,
  parse: (config: HfConfig, file: string) => LlamaConfig,
): ModelFamily {
  return {
    readsForward: true,
    architecture: (task) =>
      decoderArchitecture(task, { className, language: `${className}ForCausalLM` }),
    create: (options): FamilyModel => {
      const { config: raw, task, labelSmoothing, method, file } = options;
      const config = parse(raw, file);
      const body = llamaBody(config);
      const output = config.tieWordEmbeddings ? undefined : llamaNames.output;
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
        layerOf: llamaLayerOf,
        fileNames: llamaFileNames,
        mayBeCreated: llamaMayBeCreated,
        initialValue: (tensor) => llamaInitialValue(tensor, config),
      };
    },
  };
}

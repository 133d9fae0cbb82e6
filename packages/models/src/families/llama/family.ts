/** Llama and its relatives as the folder code sees them. */
import type { HfConfig } from '../../folder/config-file.js';
import type { ModelFamily } from '../../folder/family.js';
import { decoderFamily } from '../decoder-family.js';
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
  return decoderFamily({
    className,
    language: `${className}ForCausalLM`,
    output: llamaNames.output,
    parse,
    body: llamaBody,
    layerOf: llamaLayerOf,
    fileNames: llamaFileNames,
    mayBeCreated: llamaMayBeCreated,
    initialValue: llamaInitialValue,
  });
}

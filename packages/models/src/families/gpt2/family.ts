/** GPT-2 as the folder code sees it. */
import type { InitialValue } from '../../folder/initial-values.js';
import { decoderFamily } from '../decoder-family.js';
import { gpt2Body } from './body.js';
import { parseGpt2Config, type Gpt2Config } from './config.js';
import { gpt2Names } from './modules.js';
import { gpt2FileNames, gpt2LayerOf, gpt2MayBeCreated } from './names.js';

export const gpt2Family = decoderFamily({
  className: 'GPT2',
  language: 'GPT2LMHeadModel',
  output: gpt2Names.output,
  parse: parseGpt2Config,
  body: gpt2Body,
  layerOf: gpt2LayerOf,
  fileNames: gpt2FileNames,
  mayBeCreated: gpt2MayBeCreated,
  initialValue,
});

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

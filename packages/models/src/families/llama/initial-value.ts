/** Weights that no file gives, as LlamaPreTrainedModel initialises them: normal, norms the identity, the pad token's embedding 0. */
import type { InitialValue } from '../../folder/initial-values.js';
import type { LlamaConfig } from './config.js';
import { llamaNames } from './modules.js';

export function llamaInitialValue(tensor: string, config: LlamaConfig): InitialValue {
  if (tensor.endsWith('.bias')) return { kind: 'constant', value: 0 };
  if (/norm\.weight$/.test(tensor)) return { kind: 'constant', value: 1 };
  const normal = { kind: 'normal', deviation: config.initializerRange } as const;
  return tensor === `${llamaNames.words}.weight` && config.padTokenId !== undefined
    ? { ...normal, zeroRow: config.padTokenId }
    : normal;
}

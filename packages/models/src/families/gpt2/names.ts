/** Where a GPT-2's tensors are in files. */
import { gpt2Names } from './modules.js';

/** Names a tensor may have in a file, best first: published folders have no `transformer.`. */
export function gpt2FileNames(tensor: string): string[] {
  return [...new Set([tensor, tensor.replace(/^transformer\./, '')])];
}

/** The layer that a tensor of a file belongs to, from 0; undefined for the causal masks that published folders carry along. */
export function gpt2LayerOf(fileName: string): number | undefined {
  if (/\.attn\.(?:masked_)?bias$/.test(fileName)) return undefined;
  const layer = /^(?:transformer\.)?h\.(\d+)\./.exec(fileName)?.[1];
  return layer === undefined ? undefined : Number(layer);
}

/** Tensors a pretrained folder may lack: a classifier. An output layer that is not tied must be there. */
export function gpt2MayBeCreated(tensor: string): boolean {
  return tensor.startsWith(`${gpt2Names.score}.`);
}

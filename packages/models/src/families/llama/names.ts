/** Where a Llama's tensors are in files. */
import { llamaNames } from './modules.js';

/** Names a tensor may have in a file, best first: a body saved alone has no `model.`. */
export function llamaFileNames(tensor: string): string[] {
  return [...new Set([tensor, tensor.replace(/^model\./, '')])];
}

/** The layer that a tensor of a file belongs to, from 0; undefined for the angles that old folders carry along. */
export function llamaLayerOf(fileName: string): number | undefined {
  if (fileName.endsWith('.rotary_emb.inv_freq')) return undefined;
  const layer = /^(?:model\.)?layers\.(\d+)\./.exec(fileName)?.[1];
  return layer === undefined ? undefined : Number(layer);
}

/** Tensors a pretrained folder may lack: a classifier. An output layer that is not tied must be there. */
export function llamaMayBeCreated(tensor: string): boolean {
  return tensor.startsWith(`${llamaNames.score}.`);
}

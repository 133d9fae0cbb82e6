/** Hashes that prove two workers, or two runs, hold the same state to the last bit. */
import { createHash, type Hash } from 'node:crypto';
import { tensorsOf, type ParameterBlock } from '../optimizer/parameter-block.js';
import type { TrainingState } from '../optimizer/training-state.js';

/** SHA-256 of the float32 little-endian bytes of all trainable tensors, in the order of their HuggingFace names. */
export function paramsSha256(parameters: ParameterBlock): string {
  return addBlock(createHash('sha256'), parameters).digest('hex');
}

/** SHA-256 over what is trained and, if anything is not, over that too, as it is stored: what all workers compute with. */
export function weightsSha256({ parameters, frozen }: TrainingState): string {
  if (frozen.parameters.length === 0) return paramsSha256(parameters);
  const hash = addBlock(createHash('sha256'), parameters);
  for (const parameter of frozen.parameters) {
    const { buffer, byteOffset, byteLength } = frozen.stored(parameter);
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}

/** The same over parameters, first moments, second moments, and the number of updates as decimal text. */
export function stateSha256({ parameters, m, v, step }: TrainingState): string {
  const hash = createHash('sha256');
  for (const block of [parameters, m, v]) addBlock(hash, block);
  return hash.update(String(step)).digest('hex');
}

function addBlock(hash: Hash, block: ParameterBlock): Hash {
  for (const { values } of tensorsOf(block)) {
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash;
}

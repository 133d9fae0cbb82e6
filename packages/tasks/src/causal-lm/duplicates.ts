import { hash } from 'node:crypto';

interface KeyedSample {
  readonly ids: ArrayLike<number>;
  /** [tokens] 1 for a token that is learned. */
  readonly flags: Uint8Array;
}

/** Equal for samples of the same tokens, learned ones alike: a hash, so that memory does not grow with their length. */
export function sampleKey({ ids, flags }: KeyedSample): string {
  const words = new Int32Array(2 * ids.length);
  words.set(ids);
  words.set(flags, ids.length);
  return hash('sha1', words, 'base64');
}

/** Tells samples that came before. */
export function createDuplicateCounter(): (sample: KeyedSample) => boolean {
  const seen = new Set<string>();
  return (sample) => {
    const key = sampleKey(sample);
    const isKnown = seen.has(key);
    seen.add(key);
    return isKnown;
  };
}

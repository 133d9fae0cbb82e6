import { hash } from 'node:crypto';

/** Tells samples whose tokens came before, learned ones alike. By a hash, so that memory does not grow with their length. */
export function createDuplicateCounter(): (sample: {
  readonly ids: ArrayLike<number>;
  readonly flags: Uint8Array;
}) => boolean {
  const seen = new Set<string>();
  return ({ ids, flags }) => {
    const words = new Int32Array(2 * ids.length);
    words.set(ids);
    words.set(flags, ids.length);
    const key = hash('sha1', words, 'base64');
    const isKnown = seen.has(key);
    seen.add(key);
    return isKnown;
  };
}

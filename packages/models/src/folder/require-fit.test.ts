import { describe, expect, it } from 'vitest';
import { requireFit } from './require-fit.js';

const limits = { folder: 'model', maxTokens: 4, vocabSize: 10, typeVocabSize: 2 };
const fits = {
  lengths: Int32Array.of(1, 4),
  ids: Int32Array.of(0, 9, 1, 2, 3),
  typeIds: Uint8Array.of(0, 0, 1, 1, 0),
};

describe('requireFit', () => {
  it('takes data within the limits, and none', () => {
    requireFit(limits, fits);
    const none = new Int32Array(0);
    requireFit(limits, { lengths: none, ids: none, typeIds: new Uint8Array(0) });
  });

  it('names what does not fit', () => {
    expect(() => requireFit({ ...limits, maxTokens: 3 }, fits)).toThrow('--max_seq_length 3');
    expect(() => requireFit({ ...limits, vocabSize: 9 }, fits)).toThrow(
      /^model: its tokenizer makes token 9, but .*vocab_size 9: .*another model/,
    );
    expect(() => requireFit({ ...limits, typeVocabSize: 1 }, fits)).toThrow('no pairs of texts');
  });
});

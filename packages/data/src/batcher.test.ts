import { describe, expect, it } from 'vitest';
import { createBatcher } from './batcher.js';
import type { TokenizedDataset } from './dataset.js';

const dataset: TokenizedDataset = {
  size: 3,
  lengths: Int32Array.of(3, 2, 4),
  ids: Int32Array.of(2, 10, 3, 2, 3, 2, 11, 12, 3),
  offsets: Int32Array.of(0, 3, 5, 9),
  typeIds: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 1),
  labels: Float32Array.of(1, 0, 2),
  contentHash: '',
};
const shape = { rows: 3, tokens: 4 };

describe('createBatcher', () => {
  it('pads rows, and lets an empty row attend to its first position', () => {
    const batch = createBatcher(dataset, {
      padTokenId: 9,
      problemType: 'single_label_classification',
    });
    expect(batch({ shape, samples: [2, 0] })).toEqual({
      rows: 3,
      tokens: 4,
      samples: [2, 0],
      inputIds: Int32Array.of(2, 11, 12, 3, 2, 10, 3, 9, 9, 9, 9, 9),
      attentionMask: Float32Array.of(1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0),
      tokenTypeIds: Int32Array.of(0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0),
      labelIds: Int32Array.of(2, 1, -100),
      targets: Float32Array.of(0, 0, 0),
      rowWeights: Float32Array.of(1, 1, 0),
      weight: 2,
    });
  });

  it('reuses the buffers of a shape without leaving traces', () => {
    const batch = createBatcher(dataset, { padTokenId: 0, problemType: 'regression' });
    const first = batch({ shape, samples: [2, 0, 1] });
    expect(first.targets).toEqual(Float32Array.of(2, 1, 0));
    const second = batch({ shape, samples: [1] });
    expect(second.inputIds).toBe(first.inputIds);
    const fresh = createBatcher(dataset, { padTokenId: 0, problemType: 'regression' });
    expect(second).toEqual(fresh({ shape, samples: [1] }));
    expect(batch({ shape: { rows: 1, tokens: 4 }, samples: [1] }).inputIds).not.toBe(
      first.inputIds,
    );
  });

  it('breaks loudly on a shard that does not fit', () => {
    const batch = createBatcher(dataset, { padTokenId: 0, problemType: 'regression' });
    expect(() => batch({ shape: { rows: 1, tokens: 3 }, samples: [2] })).toThrow(
      /4 tokens in a shard of 3/,
    );
    expect(() => batch({ shape: { rows: 1, tokens: 4 }, samples: [0, 1] })).toThrow(
      /2 samples in a shard of 1/,
    );
    expect(() => batch({ shape, samples: [3] })).toThrow(/sample 3 of a data set of 3/);
  });
});

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
  cut: new Uint8Array(3),
  contentHash: '',
};
const shape = { rows: 3, tokens: 4, samplesPerRow: 1 };

describe('createBatcher', () => {
  it('pads rows, and leaves missing ones empty', () => {
    const batch = createBatcher(dataset, {
      padTokenId: 9,
      problemType: 'single_label_classification',
    });
    expect(batch({ shape, rows: [[2], [0]] })).toEqual({
      shape,
      rows: [[2], [0]],
      inputIds: Int32Array.of(2, 11, 12, 3, 2, 10, 3, 9, 9, 9, 9, 9),
      positionIds: Int32Array.of(0, 1, 2, 3, 0, 1, 2, 0, 0, 0, 0, 0),
      sampleOfToken: Float32Array.of(1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0),
      tokenTypeIds: Int32Array.of(0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0),
      firstTokens: Int32Array.of(0, 0, 0),
      labelIds: Int32Array.of(2, 1, -100),
      targets: Float32Array.of(0, 0, 0),
      labelWeights: Float32Array.of(1, 1, 0),
      weight: 2,
    });
  });

  it('packs samples of a row one behind the other', () => {
    const batch = createBatcher(dataset, {
      padTokenId: 9,
      problemType: 'single_label_classification',
    });
    const packed = { rows: 2, tokens: 6, samplesPerRow: 3 };
    expect(batch({ shape: packed, rows: [[0, 1], [2]] })).toMatchObject({
      inputIds: Int32Array.of(2, 10, 3, 2, 3, 9, 2, 11, 12, 3, 9, 9),
      positionIds: Int32Array.of(0, 1, 2, 0, 1, 0, 0, 1, 2, 3, 0, 0),
      sampleOfToken: Float32Array.of(1, 1, 1, 2, 2, 0, 1, 1, 1, 1, 0, 0),
      tokenTypeIds: Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0),
      firstTokens: Int32Array.of(0, 3, 0, 0, 0, 0),
      labelIds: Int32Array.of(1, 0, -100, 2, -100, -100),
      labelWeights: Float32Array.of(1, 1, 0, 1, 0, 0),
      weight: 3,
    });
  });

  it('reuses the buffers of a shape without leaving traces', () => {
    const batch = createBatcher(dataset, { padTokenId: 0, problemType: 'regression' });
    const first = batch({ shape, rows: [[2], [0], [1]] });
    expect(first.targets).toEqual(Float32Array.of(2, 1, 0));
    const second = batch({ shape, rows: [[1]] });
    expect(second.inputIds).toBe(first.inputIds);
    const fresh = createBatcher(dataset, { padTokenId: 0, problemType: 'regression' });
    expect(second).toEqual(fresh({ shape, rows: [[1]] }));
    expect(batch({ shape: { ...shape, rows: 1 }, rows: [[1]] }).inputIds).not.toBe(first.inputIds);
  });

  it('breaks loudly on a shard that does not fit', () => {
    const batch = createBatcher(dataset, { padTokenId: 0, problemType: 'regression' });
    const one = { rows: 1, tokens: 3, samplesPerRow: 1 };
    expect(() => batch({ shape: one, rows: [[2]] })).toThrow(/4 tokens in a row of 3/);
    expect(() => batch({ shape: one, rows: [[0], [1]] })).toThrow(/2 rows in a shard of 1/);
    expect(() => batch({ shape: one, rows: [[0, 1]] })).toThrow(/2 samples in a row for 1/);
    expect(() => batch({ shape, rows: [[3]] })).toThrow(/sample 3 of a data set of 3/);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EvaluatedShard } from '../task.js';
import { gatherLogits, logitsDigest } from './logits-digest.js';

/** A shard of one row for these samples, whose logits are [sample, -sample]. */
const evaluated = (samples: number[]): EvaluatedShard => {
  const shard = { shape: { rows: 1, tokens: 4, samplesPerRow: 60 }, rows: [samples] };
  const logits = new Float32Array(2 * 60);
  samples.forEach((sample, place) => logits.set([sample, -sample], 2 * place));
  const digest = logitsDigest({ ...shard, inputs: {}, weight: samples.length }, { logits }, 2);
  // As messages bring them: a Buffer inside a larger one.
  return { shard, digest: Buffer.concat([Buffer.alloc(1), digest]).subarray(1) };
};

describe('gatherLogits', () => {
  it('gives every row its logits, however the rows are spread over shards', () => {
    const spread = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(spread, (shardOfRow) => {
        const shards = [0, 1, 2, 3].map((index) =>
          evaluated(shardOfRow.flatMap((own, row) => (own === index ? [row] : [])).reverse()),
        );
        const logits = gatherLogits(shards, { size: shardOfRow.length, width: 2 });
        expect([...logits]).toEqual(shardOfRow.flatMap((_, row) => [row, -row]));
      }),
    );
  });

  it('refuses rows counted twice, missing ones, and digests of other shards', () => {
    const size = { size: 3, width: 2 };
    const first = evaluated([0, 1, 2]);
    expect(() => gatherLogits([first, evaluated([1])], size)).toThrow('row 1');
    expect(() => gatherLogits([evaluated([0, 2])], size)).toThrow('row 1 was not evaluated');
    expect(() => gatherLogits([{ ...first, digest: evaluated([0]).digest }], size)).toThrow(
      '2 logits for 3 samples',
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evaluated } from './decide/run-spec.js';
import { gatherPredictions } from './gather-predictions.js';

const part = (samples: number[]): Evaluated => {
  const logits = Float32Array.from(samples.flatMap((sample) => [sample, -sample]));
  return {
    type: 'evaluated',
    protocol: 1,
    runId: 'r',
    epoch: 0,
    step: 0,
    evaluation: 0,
    lossSum: 0,
    weight: 0,
    samples,
    // As messages bring them: a Buffer inside a larger one.
    logits: Buffer.concat([Buffer.alloc(1), new Uint8Array(logits.buffer)]).subarray(1),
  };
};

describe('gatherPredictions', () => {
  it('gives every row its logits, however the rows are spread over workers', () => {
    const spread = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(spread, (ownerOfRow) => {
        const parts = [0, 1, 2, 3].map((rank) =>
          part(ownerOfRow.flatMap((owner, row) => (owner === rank ? [row] : [])).reverse()),
        );
        const gathered = gatherPredictions(parts, new Float32Array(ownerOfRow.length), 2);
        expect([...gathered.logits]).toEqual(ownerOfRow.flatMap((_, row) => [row, -row]));
      }),
    );
  });

  it('refuses rows counted twice, and missing ones', () => {
    const labels = new Float32Array(3);
    expect(() => gatherPredictions([part([0, 1, 2]), part([1])], labels, 2)).toThrow('row 1');
    expect(() => gatherPredictions([part([0, 2])], labels, 2)).toThrow('row 1 was not evaluated');
  });
});

import { packSamples } from '@microtune/data';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InputSpec } from '../input-spec.js';
import { tokenInputs } from '../token-inputs.js';
import { createCausalCollator } from './causal-collator.js';
import { causalInputs } from './causal-inputs.js';
import { samplesOf } from './testing/samples-of.js';

const { inputIds, positionIds, sampleOfToken } = tokenInputs;
const specs: readonly InputSpec[] = [
  inputIds,
  positionIds,
  sampleOfToken,
  ...Object.values(causalInputs),
];

const token = fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.boolean());
const anySamples = fc.array(fc.array(token, { minLength: 1, maxLength: 20 }), {
  minLength: 1,
  maxLength: 30,
});

describe('the batch of a shard', () => {
  it('has tokens, positions, whose token it is, and the predictions that count', () => {
    const samples = samplesOf([
      [
        [11, true],
        [12, false],
        [13, true],
      ],
      [
        [21, false],
        [22, true],
        [23, true],
      ],
      [[31, true]],
    ]);
    const shape = { rows: 3, tokens: 6, samplesPerRow: 2, targetTokens: 4 };
    const rows = [[1, 2], [0]];
    const batch = createCausalCollator(samples, specs, { padTokenId: 9 })({ shape, rows });
    expect(batch).toMatchObject({ shape, rows, weight: 3 });
    expect(batch.inputs).toEqual({
      input_ids: Int32Array.of(21, 22, 23, 31, 9, 9, 11, 12, 13, 9, 9, 9, 9, 9, 9, 9, 9, 9),
      position_ids: Int32Array.of(0, 1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      sample_of_token: Float32Array.of(1, 1, 1, 2, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      // 21 predicts 22, 22 predicts 23, 12 predicts 13; the first tokens of samples are predicted by nothing.
      target_cells: Int32Array.of(0, 1, 7, 0),
      target_ids: Int32Array.of(22, 23, 13, 0),
      target_weights: Float32Array.of(1, 1, 1, 0),
    });
  });

  it('leaves nothing of the shard before it in the buffers', () => {
    const samples = samplesOf([
      [
        [11, true],
        [12, true],
      ],
      [[21, false]],
    ]);
    const shape = { rows: 1, tokens: 2, samplesPerRow: 1 };
    const used = createCausalCollator(samples, specs, { padTokenId: 0 });
    const fresh = createCausalCollator(samples, specs, { padTokenId: 0 });
    used({ shape, rows: [[0]] });
    const shard = { shape, rows: [[1]] };
    expect(used(shard)).toEqual(fresh(shard));
  });

  it.each([
    [[[0, 1]], 9, /samples 0, 1 of 4 tokens in a row of 3/],
    [[[0], [1], [1]], 9, /3 rows in a shard of 2/],
    [[[2]], 9, /sample 2 of a data set of 2/],
    [[[0]], 0, /1 target tokens where there is room for 0/],
  ])('that does not fit is an internal error: %j', (rows, room, message) => {
    const samples = samplesOf([
      [
        [1, true],
        [2, true],
      ],
      [
        [3, true],
        [4, true],
      ],
    ]);
    const shape = { rows: 2, tokens: 3, samplesPerRow: 2, targetTokens: room };
    const collate = createCausalCollator(samples, specs, { padTokenId: 0 });
    expect(() => collate({ shape, rows })).toThrow(message);
  });

  it('predicts each learned token but the first from the one before it in its own sample, however it is packed', () => {
    fc.assert(
      fc.property(anySamples, (made) => {
        const samples = samplesOf(made);
        const order = [...made.keys()];
        const rows = packSamples(samples.lengths, { rowTokens: 24, order }).map((row) => [
          ...row.samples,
        ]);
        const shape = { rows: rows.length, tokens: 24, samplesPerRow: 24 };
        const { inputs, weight } = createCausalCollator(samples, specs, { padTokenId: 0 })({
          shape,
          rows,
        });
        const read = (spec: InputSpec): number[] => [...(inputs[spec.name] ?? [])];
        const [ids, positions] = [read(tokenInputs.inputIds), read(tokenInputs.positionIds)];
        const [samplesAt, targets] = [
          read(tokenInputs.sampleOfToken),
          read(causalInputs.targetIds),
        ];
        const cells = read(causalInputs.targetCells);
        const found = cells.slice(0, weight).map((cell, target) => {
          expect(samplesAt[cell]).toBe(samplesAt[cell + 1]);
          expect(positions[cell + 1]).toBe((positions[cell] ?? 0) + 1);
          expect(targets[target]).toBe(ids[cell + 1]);
          return [ids[cell], targets[target]];
        });
        const expected = rows
          .flat()
          .flatMap((sample) =>
            (made[sample] ?? []).flatMap(([id, learned], at, all) =>
              at > 0 && learned ? [[all[at - 1]?.[0], id]] : [],
            ),
          );
        expect(found).toEqual(expected);
      }),
    );
  });
});

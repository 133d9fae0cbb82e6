import { packRows } from '@microtune/data';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collate, createCausalBuffers, targetsIn } from './collate.js';
import { packSamples, paddedShare } from './pack-samples.js';
import { SampleCollector } from './sample-collector.js';
import { boundsOf, samplesOfFirstRows, selectSamples, type CausalSamples } from './samples.js';

type Made = readonly (readonly [id: number, learned: boolean])[];

function samplesOf(made: readonly Made[]): CausalSamples {
  const collector = new SampleCollector();
  made.forEach((tokens, row) =>
    collector.add({
      ids: tokens.map(([id]) => id),
      flags: Uint8Array.from(tokens, ([, learned]) => Number(learned)),
      row,
    }),
  );
  return collector.finish();
}

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
    const shape = { rows: 3, tokens: 6, samplesPerRow: 2 };
    const shard = { shape, rows: [[1, 2], [0]] };
    const into = createCausalBuffers(shape, 4);
    expect(collate(samples, shard, { padTokenId: 9, into })).toBe(3);
    expect(into).toEqual({
      inputIds: Int32Array.of(21, 22, 23, 31, 9, 9, 11, 12, 13, 9, 9, 9, 9, 9, 9, 9, 9, 9),
      positionIds: Int32Array.of(0, 1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      sampleOfToken: Float32Array.of(1, 1, 1, 2, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      // 21 predicts 22, 22 predicts 23, 12 predicts 13; the first tokens of samples are predicted by nothing.
      targetCells: Int32Array.of(0, 1, 7, 0),
      targetIds: Int32Array.of(22, 23, 13, 0),
      targetWeights: Float32Array.of(1, 1, 1, 0),
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
    const used = createCausalBuffers(shape, 2);
    collate(samples, { shape, rows: [[0]] }, { padTokenId: 0, into: used });
    const fresh = createCausalBuffers(shape, 2);
    for (const into of [used, fresh])
      collate(samples, { shape, rows: [[1]] }, { padTokenId: 0, into });
    expect(used).toEqual(fresh);
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
    const shape = { rows: 2, tokens: 3, samplesPerRow: 2 };
    const into = createCausalBuffers(shape, room);
    expect(() => collate(samples, { shape, rows }, { padTokenId: 0, into })).toThrow(message);
  });

  it('predicts each learned token but the first from the one before it in its own sample, however it is packed', () => {
    fc.assert(
      fc.property(anySamples, (made) => {
        const samples = samplesOf(made);
        const order = [...made.keys()];
        const rows = packSamples(samples.lengths, { rowTokens: 24, order }).map((row) => [
          ...row.samples,
        ]);
        const shard = { shape: { rows: rows.length, tokens: 24, samplesPerRow: 24 }, rows };
        const weight = targetsIn(samples, shard);
        const into = createCausalBuffers(shard.shape, weight + 1);
        expect(collate(samples, shard, { padTokenId: 0, into })).toBe(weight);
        const found = [...into.targetCells.subarray(0, weight)].map((cell, target) => {
          expect(into.sampleOfToken[cell]).toBe(into.sampleOfToken[cell + 1]);
          expect(into.positionIds[cell + 1]).toBe((into.positionIds[cell] ?? 0) + 1);
          expect(into.targetIds[target]).toBe(into.inputIds[cell + 1]);
          return [into.inputIds[cell], into.targetIds[target]];
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

describe('packing', () => {
  it('keeps every sample once, fills no row beyond its length, and is a function of its arguments alone', () => {
    fc.assert(
      fc.property(anySamples, fc.integer({ min: 20, max: 64 }), (made, rowTokens) => {
        const { lengths } = samplesOf(made);
        const order = [...made.keys()].reverse();
        const rows = packSamples(lengths, { rowTokens, order });
        expect(rows.flatMap(({ samples }) => samples).toSorted((a, b) => a - b)).toEqual([
          ...made.keys(),
        ]);
        for (const { samples, tokens } of rows) {
          expect(tokens).toBe(samples.reduce((sum, sample) => sum + (lengths[sample] ?? 0), 0));
          expect(tokens).toBeLessThanOrEqual(rowTokens);
        }
        expect(packSamples(lengths.slice(), { rowTokens, order: [...order] })).toEqual(rows);
      }),
    );
  });

  it('fills gaps that best fit leaves, where samples take about two fifths of a row', () => {
    const lengths = Int32Array.from(
      { length: 1000 },
      (_, at) => 96 + Math.floor(((at * 37) % 181) ** 2 / 110),
    );
    const order = [...lengths.keys()];
    const falling = order.toSorted((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0));
    const fitted = packRows(falling, lengths, { rowTokens: 512, samplesPerRow: 512 });
    const rows = packSamples(lengths, { rowTokens: 512, order });
    expect(paddedShare(fitted, 512)).toBeGreaterThan(0.02);
    expect(paddedShare(rows, 512)).toBeLessThan(0.005);
  });

  it('keeps to the samples a row may have', () => {
    const lengths = Int32Array.of(5, 1, 1, 1, 1, 1);
    const order = [...lengths.keys()];
    for (const { samples } of packSamples(lengths, { rowTokens: 10, order, samplesPerRow: 2 }))
      expect(samples.length).toBeLessThanOrEqual(2);
  });

  it('puts samples of equal length together in the order of the epoch', () => {
    const lengths = Int32Array.of(2, 2, 2, 2);
    const rowsOf = (order: readonly number[]) =>
      packSamples(lengths, { rowTokens: 4, order }).map(({ samples }) => samples);
    expect(rowsOf([0, 1, 2, 3])).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(rowsOf([3, 1, 0, 2])).toEqual([
      [3, 1],
      [0, 2],
    ]);
  });

  it('tells what part is padding', () => {
    const rows = packSamples(Int32Array.of(3, 3, 1), { rowTokens: 4, order: [0, 1, 2] });
    expect(paddedShare(rows, 4)).toBeCloseTo(1 / 8, 12);
    expect(paddedShare([], 4)).toBe(0);
  });
});

describe('columns of samples', () => {
  it('hold what was collected, and a choice of it holds the chosen', () => {
    fc.assert(
      fc.property(anySamples, fc.array(fc.nat()), (made, picks) => {
        const samples = samplesOf(made);
        const chosen = Int32Array.from(picks, (pick) => pick % made.length);
        const read = (columns: CausalSamples) =>
          Array.from({ length: columns.size }, (_, sample): Made => {
            const [from, to] = boundsOf(columns, sample);
            return Array.from(columns.ids.subarray(from, to), (id, at) => [
              id,
              (((columns.learned[(from + at) >> 3] ?? 0) >> ((from + at) & 7)) & 1) === 1,
            ]);
          });
        expect(read(samples)).toEqual(made);
        const part = selectSamples(samples, chosen);
        expect(read(part)).toEqual([...chosen].map((sample) => made[sample]));
        expect([...part.rows]).toEqual([...chosen]);
        expect(part.targets).toEqual(chosen.map((sample) => samples.targets[sample] ?? 0));
        expect(part.lengths).toEqual(chosen.map((sample) => samples.lengths[sample] ?? 0));
      }),
    );
  });

  it('of the first rows: a row can have several samples, or none', () => {
    const of = (rows: readonly number[]) => ({ size: rows.length, rows: Int32Array.from(rows) });
    expect([...samplesOfFirstRows(of([0, 0, 2, 5]), 3)]).toEqual([0, 1, 2]);
    expect([...samplesOfFirstRows(of([0, 0, 2, 5]), 1)]).toEqual([0, 1]);
    expect([...samplesOfFirstRows(of([0, 4]), undefined)]).toEqual([0, 1]);
    expect([...samplesOfFirstRows(of([0, 4]), 9)]).toEqual([0, 1]);
  });
});

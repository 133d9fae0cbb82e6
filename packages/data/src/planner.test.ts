import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignShards } from './assign-shards.js';
import { chooseShapes } from './choose-shapes.js';
import { cutShards, shapeCost } from './cut-shards.js';
import { epochOrder, planEvaluation, planSteps, planTraining } from './planner.js';
import { packRows, unpacked } from './pack-rows.js';
import { samplesIn, shapeKey, type Shard, type ShardShape } from '@microtune/shared';

const lengthsOf = (values: readonly number[]): Int32Array => Int32Array.from(values);
const lengths = fc
  .array(fc.integer({ min: 1, max: 128 }), { minLength: 1, maxLength: 120 })
  .map(lengthsOf);
const covered = (shards: readonly Shard[]): number[] =>
  shards.flatMap(samplesIn).sort((a, b) => a - b);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('epochOrder', () => {
  it('is a permutation that depends on seed and epoch', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.nat(),
        fc.nat({ max: 100 }),
        (size, seed, epoch) => {
          expect([...epochOrder(size, seed, epoch)].sort((a, b) => a - b)).toEqual(upTo(size));
        },
      ),
    );
    expect(epochOrder(100, 1, 0)).not.toEqual(epochOrder(100, 1, 1));
    expect(epochOrder(100, 1, 0)).not.toEqual(epochOrder(100, 2, 0));
  });

  it('never changes: every run ever made depends on it', () => {
    expect([...epochOrder(10, 42, 0)]).toMatchInlineSnapshot(`
      [
        1,
        5,
        4,
        8,
        2,
        9,
        3,
        7,
        6,
        0,
      ]
    `);
  });

  it('puts every sample in every place about equally often', () => {
    const counts = new Float64Array(64);
    for (let seed = 0; seed < 8000; seed++) {
      epochOrder(8, seed, 3).forEach((sample, place) => {
        counts[place * 8 + sample] = (counts[place * 8 + sample] ?? 0) + 1;
      });
    }
    const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(100); // 49 degrees of freedom: 85 is exceeded once in a thousand times
  });
});

describe('planSteps', () => {
  const plan = (extra: Partial<Parameters<typeof planSteps>[0]>) =>
    planSteps({ size: 10, trainBatchSize: 4, numTrainEpochs: 2, maxSteps: -1, seed: 1, ...extra });

  it('counts steps as HuggingFace does', () => {
    expect(plan({})).toMatchObject({ totalSteps: 6, stepsPerEpoch: 3 });
    expect(plan({ numTrainEpochs: 1.5 }).totalSteps).toBe(5);
    expect(plan({ numTrainEpochs: 0.1 }).totalSteps).toBe(1);
    expect(plan({ maxSteps: 7 }).totalSteps).toBe(7);
    expect(plan({ trainBatchSize: 100 })).toMatchObject({ totalSteps: 2, stepsPerEpoch: 1 });
    expect(plan({}).epochAfter(3)).toBe(1);
  });

  it('visits every sample once an epoch, the last step short, and loops for max_steps', () => {
    const steps = plan({ maxSteps: 9 });
    const epochs = [0, 1, 2].map((epoch) =>
      [1, 2, 3].map((step) => [...steps.samplesOf(3 * epoch + step)]),
    );
    for (const epoch of epochs) {
      expect(epoch.map((samples) => samples.length)).toEqual([4, 4, 2]);
      expect(epoch.flat().sort((a, b) => a - b)).toEqual(upTo(10));
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
  });

  it('gives a step without the steps before it', () => {
    const [inOrder, jumping] = [plan({ maxSteps: 9 }), plan({ maxSteps: 9 })];
    const all = upTo(9).map((i) => [...inOrder.samplesOf(i + 1)]);
    for (const i of [8, 0, 5, 2, 8]) expect([...jumping.samplesOf(i + 1)]).toEqual(all[i]);
    expect(() => plan({}).samplesOf(0)).toThrow(/count from 1/);
  });
});

describe('packRows', () => {
  const packing = { rowTokens: 10, samplesPerRow: 3 };
  const rowsOf = (values: readonly number[]) =>
    packRows(upTo(values.length), lengthsOf(values), packing);

  it('puts each sample into the fullest row with room for it, and long ones apart', () => {
    expect(rowsOf([12, 7, 6, 4, 3, 2])).toEqual([
      { samples: [0], tokens: 12 },
      { samples: [1, 4], tokens: 10 },
      { samples: [2, 3], tokens: 10 },
      { samples: [5], tokens: 2 },
    ]);
    expect(rowsOf([1, 1, 1, 1]).map(({ samples }) => samples.length)).toEqual([3, 1]);
    expect(rowsOf([])).toEqual([]);
  });

  it('never needs more than twice the tokens, as best fit may', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 10 })), (values) => {
        const sorted = values.sort((a, b) => b - a);
        const rows = packRows(upTo(sorted.length), lengthsOf(sorted), {
          rowTokens: 10,
          samplesPerRow: Infinity,
        });
        const total = sorted.reduce((sum, value) => sum + value, 0);
        expect(rows.flatMap(({ samples }) => samples).sort((a, b) => a - b)).toEqual(
          upTo(sorted.length),
        );
        expect(rows.length).toBeLessThanOrEqual(Math.ceil((2 * total) / 10));
      }),
    );
  });
});

describe('cutShards', () => {
  const shapes: ShardShape[] = [
    { rows: 2, tokens: 128, samplesPerRow: 3 },
    { rows: 4, tokens: 64, samplesPerRow: 3 },
    { rows: 16, tokens: 16, samplesPerRow: 3 },
  ];
  const packings = fc.constantFrom(
    unpacked,
    { rowTokens: 64, samplesPerRow: 3 },
    { rowTokens: 128, samplesPerRow: 2 },
  );

  it('takes every sample once, in shapes that fit, longest row first', () => {
    fc.assert(
      fc.property(lengths, packings, (all, packing) => {
        const shards = cutShards({ samples: upTo(all.length), lengths: all, shapes, packing });
        expect(covered(shards)).toEqual(upTo(all.length));
        const tokensOf = (samples: readonly number[]): number =>
          samples.reduce((sum, sample) => sum + (all[sample] ?? 0), 0);
        const inOrder = shards.flatMap(({ rows }) => rows.map(tokensOf));
        expect(inOrder).toEqual([...inOrder].sort((a, b) => b - a));
        for (const { shape, rows } of shards) {
          expect(shapes).toContain(shape);
          expect(rows.length).toBeGreaterThan(0);
          expect(rows.length).toBeLessThanOrEqual(shape.rows);
          for (const row of rows) {
            expect(tokensOf(row)).toBeLessThanOrEqual(shape.tokens);
            expect(row.length).toBeLessThanOrEqual(packing.samplesPerRow);
          }
        }
      }),
    );
  });

  it('costs at most what even halves are worth more than the cheapest of all cuts', () => {
    const cheapest = (sorted: readonly number[]): number =>
      sorted.length === 0
        ? 0
        : Math.min(
            ...shapes
              .filter((shape) => shape.tokens >= (sorted[0] ?? 0))
              .flatMap((shape) =>
                upTo(Math.min(shape.rows, sorted.length)).map(
                  (i) => shapeCost(shape) + cheapest(sorted.slice(i + 1)),
                ),
              ),
          );
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 128 }), { minLength: 1, maxLength: 6 }),
        (values) => {
          const shards = cutShards({
            samples: upTo(values.length),
            lengths: lengthsOf(values),
            shapes,
            packing: unpacked,
          });
          const cost = shards.reduce((sum, shard) => sum + shapeCost(shard.shape), 0);
          const least = cheapest([...values].sort((a, b) => b - a));
          expect(cost).toBeGreaterThan(least - 1e-6);
          expect(cost).toBeLessThan(1.4 * least);
        },
      ),
    );
  });

  it('gives two workers halves of about equal cost, for little more in all', () => {
    const all = epochOrder(640, 3, 0).map((i) => 4 + Math.floor((i * i) / 6000));
    const config = {
      trainBatchSize: 32,
      microBatchTokens: 512,
      maxSeqLength: 128,
      dataSeed: 1,
      numTrainEpochs: 1,
      maxSteps: -1,
    };
    const plan = planTraining({ lengths: all }, config);
    const costOf = (shards: readonly Shard[]): number =>
      shards.reduce((sum, { shape }) => sum + shapeCost(shape), 0);
    let [slower, total] = [0, 0];
    for (const step of upTo(plan.totalSteps)) {
      const shards = plan.shardsOf(step + 1);
      const ranges = assignShards(shards, [1, 1]);
      slower += Math.max(...ranges.map(({ from, to }) => costOf(shards.slice(from, to))));
      total += costOf(shards);
    }
    expect(slower / total).toBeLessThan(0.53);
  });

  it('breaks loudly when a row fits nothing', () => {
    expect(() =>
      cutShards({ samples: [0], lengths: lengthsOf([129]), shapes, packing: unpacked }),
    ).toThrow(/129 tokens fits no shape/);
  });
});

describe('chooseShapes and planTraining', () => {
  const config = fc.record({
    trainBatchSize: fc.integer({ min: 1, max: 64 }),
    microBatchTokens: fc.integer({ min: 1, max: 1024 }),
    dataSeed: fc.nat({ max: 1000 }),
  });

  it('plans any data: few shapes of bounded size, every sample once an epoch, the same every time', () => {
    fc.assert(
      fc.property(lengths, config, (all, options) => {
        const request = { ...options, numTrainEpochs: 1, maxSteps: -1, maxSeqLength: 128 };
        const plan = planTraining({ lengths: all }, request);
        expect(plan.shapes.length).toBeLessThanOrEqual(7);
        for (const { rows, tokens } of plan.shapes) {
          expect(tokens).toBeLessThanOrEqual(128);
          expect(rows).toBeLessThanOrEqual(options.trainBatchSize);
          expect(rows === 1 || rows * tokens <= options.microBatchTokens).toBe(true);
        }
        const shards = upTo(plan.totalSteps).flatMap((i) => plan.shardsOf(i + 1));
        expect(covered(shards)).toEqual(upTo(all.length));
        expect(planTraining({ lengths: all }, request).shardsOf(1)).toEqual(plan.shardsOf(1));
      }),
      { numRuns: 25 },
    );
  });

  it('does not pad beyond the positions of the model', () => {
    const { shapes } = chooseShapes({
      lengths: lengthsOf([98, 99]),
      trainBatchSize: 2,
      microBatchTokens: 512,
      maxSeqLength: 100,
      seed: 1,
    });
    expect(shapes[0]?.tokens).toBe(100);
  });

  it('keeps its shapes when the run is prolonged', () => {
    const all = lengthsOf(upTo(200).map((i) => 5 + ((i * 37) % 60)));
    const base = {
      trainBatchSize: 16,
      microBatchTokens: 256,
      maxSeqLength: 128,
      dataSeed: 7,
      numTrainEpochs: 1,
    };
    expect(planTraining({ lengths: all }, { ...base, maxSteps: 5 }).shapes).toEqual(
      planTraining({ lengths: all }, { ...base, maxSteps: 500 }).shapes,
    );
  });

  it('costs less than one shape or one multiple of 16 per row would', () => {
    const all = epochOrder(600, 3, 0).map((i) => 4 + Math.floor((i * i) / 6000));
    const config = {
      trainBatchSize: 32,
      microBatchTokens: 512,
      maxSeqLength: 128,
      dataSeed: 1,
      numTrainEpochs: 1,
      maxSteps: -1,
    };
    const plan = planTraining({ lengths: all }, config);
    const { samplesOf } = planSteps({ ...config, size: all.length, seed: config.dataSeed });
    const costWith = (shapes: readonly ShardShape[]): number =>
      upTo(plan.totalSteps)
        .flatMap((i) =>
          cutShards({ samples: samplesOf(i + 1), lengths: all, shapes, packing: unpacked }),
        )
        .reduce((sum, shard) => sum + shapeCost(shard.shape), 0);
    const longest = plan.shapes[0]?.tokens ?? 0;
    const single = [{ rows: Math.floor(512 / longest), tokens: longest, samplesPerRow: 1 }];
    const multiples = upTo(4).map((i) => ({
      rows: Math.floor(32 / (i + 1)),
      tokens: 16 * (i + 1),
      samplesPerRow: 1,
    }));
    const planned = upTo(plan.totalSteps)
      .flatMap((i) => plan.shardsOf(i + 1))
      .reduce((sum, shard) => sum + shapeCost(shard.shape), 0);
    expect(planned).toBeLessThan(0.7 * costWith(single));
    expect(planned).toBeLessThan(0.85 * costWith(multiples));
  });
});

describe('planEvaluation', () => {
  it('takes each row once, in few shapes', () => {
    fc.assert(
      fc.property(lengths, (all) => {
        const shards = planEvaluation(
          { lengths: all },
          { microBatchTokens: 128, maxSeqLength: 128 },
        );
        expect(covered(shards)).toEqual(upTo(all.length));
        expect(new Set(shards.map(({ shape }) => shapeKey(shape))).size).toBeLessThanOrEqual(4);
      }),
      { numRuns: 15 },
    );
    expect(
      planEvaluation({ lengths: lengthsOf([]) }, { microBatchTokens: 128, maxSeqLength: 128 }),
    ).toEqual([]);
  });
});

describe('assignShards', () => {
  const shardsOf = (tokens: readonly number[]): Shard[] =>
    tokens.map((t, i) => ({ shape: { rows: 1, tokens: t, samplesPerRow: 1 }, rows: [[i]] }));
  const speeds = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), {
    minLength: 1,
    maxLength: 9,
  });
  const tokens = fc.array(fc.integer({ min: 8, max: 512 }), { maxLength: 40 });

  it('covers all shards in rank order, whatever the workers', () => {
    fc.assert(
      fc.property(tokens, speeds, (sizes, workerSpeeds) => {
        const ranges = assignShards(shardsOf(sizes), workerSpeeds);
        expect(ranges).toHaveLength(workerSpeeds.length);
        let from = 0;
        for (const range of ranges) {
          expect(range.from).toBe(from);
          expect(range.to).toBeGreaterThanOrEqual(from);
          from = range.to;
        }
        expect(from).toBe(sizes.length);
      }),
    );
  });

  it('is within 5 % of the best makespan', () => {
    const makespan = (
      costs: readonly number[],
      bounds: readonly number[],
      workerSpeeds: readonly number[],
    ): number =>
      Math.max(
        ...workerSpeeds.map(
          (speed, rank) =>
            costs.slice(bounds[rank], bounds[rank + 1]).reduce((a, b) => a + b, 0) / speed,
        ),
      );
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 8, max: 512 }), { minLength: 1, maxLength: 12 }),
        fc.tuple(
          fc.double({ min: 0.5, max: 3, noNaN: true }),
          fc.double({ min: 0.5, max: 3, noNaN: true }),
          fc.constant(1),
        ),
        (sizes, workerSpeeds) => {
          const shards = shardsOf(sizes);
          const costs = shards.map((shard) => shapeCost(shard.shape));
          const ranges = assignShards(shards, workerSpeeds);
          const reached = makespan(costs, [0, ...ranges.map((range) => range.to)], workerSpeeds);
          const ends = upTo(sizes.length + 1);
          const best = Math.min(
            ...ends.flatMap((a) =>
              ends
                .filter((b) => b >= a)
                .map((b) => makespan(costs, [0, a, b, sizes.length], workerSpeeds)),
            ),
          );
          expect(reached).toBeLessThanOrEqual(best * 1.0501);
        },
      ),
    );
  });

  it('prefers ends on powers of two among equals', () => {
    const equal = (count: number) => shardsOf(Array<number>(count).fill(64));
    const ends = (count: number, workers: number) =>
      assignShards(equal(count), Array<number>(workers).fill(1)).map((range) => range.to);
    expect(ends(8, 2)).toEqual([4, 8]);
    expect(ends(3, 2)).toEqual([2, 3]);
    expect(ends(5, 2)).toEqual([2, 5]);
    expect(ends(16, 4)).toEqual([4, 8, 12, 16]);
    expect(ends(1, 3)).toEqual([1, 1, 1]);
  });
});

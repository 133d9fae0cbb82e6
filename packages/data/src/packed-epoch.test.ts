import { samplesIn, shapeKey } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import { createRandom } from './random.js';
import { countSteps, planTraining, type PlanConfig } from './planner.js';

const random = createRandom([7]);
const lengths = Int32Array.from({ length: 300 }, () => 100 + random.below(230));
const targets = lengths.map((length) => Math.floor(length * 0.55));
const config: PlanConfig = {
  trainBatchSize: 8,
  numTrainEpochs: 2,
  maxSteps: -1,
  microBatchTokens: 512,
  maxSeqLength: 512,
  dataSeed: 42,
  packing: true,
};
const plan = planTraining({ lengths, targets }, config);
const stepsOf = (epoch: number) =>
  Array.from({ length: plan.stepsPerEpoch }, (_, at) => 1 + epoch * plan.stepsPerEpoch + at);

describe('packing over the epoch', () => {
  it('trains every sample once an epoch, in steps of rows, in another order each time', () => {
    const epochs = [0, 1].map((epoch) =>
      stepsOf(epoch).flatMap((step) => plan.shardsOf(step).flatMap(samplesIn)),
    );
    for (const samples of epochs)
      expect(samples.toSorted((a, b) => a - b)).toEqual([...lengths.keys()]);
    expect(epochs[1]).not.toEqual(epochs[0]);
    const rows = plan.shardsOf(1).reduce((sum, shard) => sum + shard.rows.length, 0);
    expect(rows).toBe(8);
    expect(plan.totalSteps).toBe(2 * plan.stepsPerEpoch);
    expect(countSteps({ lengths }, config)).toBe(plan.totalSteps);
  });

  it('pads less than 3 % of the tokens, where rows filled within a step pad more', () => {
    const paddedOf = (packing: true | undefined): number => {
      const own = planTraining({ lengths, targets }, { ...config, numTrainEpochs: 1, packing });
      const shards = Array.from({ length: own.totalSteps }, (_, at) => own.shardsOf(at + 1)).flat();
      const tokens = shards.reduce((sum, { shape }) => sum + shape.rows * shape.tokens, 0);
      const real = lengths.reduce((sum, length) => sum + length, 0);
      return 1 - real / tokens;
    };
    expect(paddedOf(true)).toBeLessThan(0.03);
    expect(paddedOf(undefined)).toBeGreaterThan(paddedOf(true));
  });

  it('keeps to the shapes of the run, which have room for every sample and prediction', () => {
    const known = new Set(plan.shapes.map(shapeKey));
    for (const { shape, rows } of stepsOf(0).flatMap((step) => plan.shardsOf(step))) {
      expect(known).toContain(shapeKey(shape));
      for (const samples of rows) {
        expect(samples.length).toBeLessThanOrEqual(shape.samplesPerRow);
        const tokens = samples.reduce((sum, sample) => sum + (lengths[sample] ?? 0), 0);
        expect(tokens).toBeLessThanOrEqual(shape.tokens);
      }
      const counted = rows.flat().reduce((sum, sample) => sum + (targets[sample] ?? 0), 0);
      expect(counted).toBeLessThanOrEqual(shape.targetTokens ?? 0);
    }
  });

  it('can be turned off: each sample has a row to itself', () => {
    const unpacked = planTraining({ lengths }, { ...config, packing: false });
    for (const { rows } of [1, 2, 3].flatMap((step) => unpacked.shardsOf(step)))
      for (const samples of rows) expect(samples).toHaveLength(1);
  });
});

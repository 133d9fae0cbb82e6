import { readFileSync } from 'node:fs';
import type { ResolvedConfig } from '@microtune/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  learningRateAt,
  resolveCount,
  stepsPerEpoch,
  totalSteps,
  warmupStepCount,
} from './schedule.js';

interface Case {
  type: ResolvedConfig['lrSchedulerType'];
  lr: number;
  total: number;
  warmup: number;
  kwargs: { num_cycles?: number; lr_end?: number; power?: number };
  rates: number[];
}
const cases = JSON.parse(
  readFileSync(new URL('../oracle/schedules.json', import.meta.url), 'utf8'),
) as Case[];

const configOf = (c: Case) => ({
  learningRate: c.lr,
  lrSchedulerType: c.type,
  lrSchedulerKwargs: {
    numCycles: c.kwargs.num_cycles,
    lrEnd: c.kwargs.lr_end,
    power: c.kwargs.power,
  },
  warmupSteps: c.warmup,
  warmupRatio: undefined,
});

describe('learning rates', () => {
  it.each(
    cases.map((c) => [`${c.type}, warm-up ${c.warmup}, ${JSON.stringify(c.kwargs)}`, c] as const),
  )('follow transformers: %s', (_, c) => {
    const rates = c.rates.map((_rate, i) => learningRateAt(configOf(c), i + 1, c.total));
    rates.forEach((rate, i) =>
      expect(Math.abs(rate - (c.rates[i] ?? 0))).toBeLessThanOrEqual(c.lr * 1e-12),
    );
  });

  it('stay within 0 and the peak, whatever the counts', () => {
    const types = fc.constantFrom(
      'linear',
      'constant',
      'constant_with_warmup',
      'cosine',
      'polynomial',
    );
    fc.assert(
      fc.property(
        types,
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 0, max: 300 }),
        (type, total, warmup) => {
          for (let step = 1; step <= total; step++) {
            const c = { type, lr: 1e-3, total, warmup, kwargs: {}, rates: [] } as Case;
            const rate = learningRateAt(configOf(c), step, total);
            expect(rate).toBeGreaterThanOrEqual(0);
            expect(rate).toBeLessThanOrEqual(1e-3 * (1 + 1e-12));
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('counts of steps', () => {
  it('count the short last batch', () => {
    expect(stepsPerEpoch(6920, 32)).toBe(217);
    expect(stepsPerEpoch(64, 32)).toBe(2);
    expect(stepsPerEpoch(5, 32)).toBe(1);
  });

  it('let max_steps win, round fractions of an epoch up', () => {
    expect(totalSteps({ maxSteps: 30, numTrainEpochs: 3 }, 217)).toBe(30);
    expect(totalSteps({ maxSteps: -1, numTrainEpochs: 3 }, 217)).toBe(651);
    expect(totalSteps({ maxSteps: -1, numTrainEpochs: 0.5 }, 217)).toBe(109);
  });

  it('take values below 1 as fractions of the run', () => {
    expect(resolveCount(0.1, 217)).toBe(22);
    expect(resolveCount(500, 217)).toBe(500);
    expect(warmupStepCount({ warmupSteps: 0, warmupRatio: 0.1 }, 217)).toBe(22);
    expect(warmupStepCount({ warmupSteps: 0.5, warmupRatio: undefined }, 217)).toBe(109);
    expect(warmupStepCount({ warmupSteps: 7, warmupRatio: 0.1 }, 217)).toBe(7);
  });
});

import { createArena, type AdamWStep, type Arena, type Slot } from '@microtune/arena';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sparseRows } from '../../oracle/sparse-rows.js';
import type { Parameter } from '../program/program.js';
import { AdamW, optimizerCount } from './adamw.js';
import { clipCoefficient } from './clipping.js';
import { layOutParameters } from './layout.js';
import { RowTable, rowTableCount } from './row-table.js';
import { allocateTrainingState, blockCount, type TrainingState } from './training-state.js';

const parameter = (name: string, shape: number[], more: Partial<Parameter> = {}): Parameter => ({
  name,
  shape,
  decay: true,
  gradient: 'dense',
  trainable: true,
  ...more,
});

const rows = 300;
const width = 8;
const settings = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  gradientScale: 0.5,
};

function tableSlots(arena: Arena): { parameter: Slot; m: Slot; v: Slot } {
  const slots = {
    parameter: arena.allocate(rows * width),
    m: arena.allocate(rows * width),
    v: arena.allocate(rows * width),
  };
  slots.parameter.view.forEach((_, i, view) => {
    view[i] = Math.sin(i);
  });
  return slots;
}

const bits = (slot: Slot): Uint32Array => new Uint32Array(slot.view.slice().buffer);

/** Steps of a training run: the rows that each touches. A resume may fall before any step. */
const runArbitrary = fc.record({
  steps: fc.array(
    fc.record({
      ids: fc.uniqueArray(fc.oneof(fc.nat(rows - 1), fc.nat(20)), { maxLength: 200 }),
      resume: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  weightDecay: fc.constantFrom(0, 0.1),
});

describe('RowTable', () => {
  it('has the bits of dense AdamW, whatever rows are touched, also after a resume', async () => {
    await fc.assert(
      fc.asyncProperty(runArbitrary, async ({ steps, weightDecay }) => {
        const arena = await createArena(8 * rows * width + 4 * rowTableCount([rows, width]));
        const sparse = tableSlots(arena);
        const dense = tableSlots(arena);
        const gradient = arena.allocate(rows * width);
        let table = new RowTable(arena, [rows, width], sparse);
        steps.forEach(({ ids, resume }, at) => {
          if (resume) {
            table = new RowTable(arena, [rows, width], sparse);
            table.resume();
          }
          const step: AdamWStep = { ...settings, weightDecay, step: at + 1 };
          gradient.view.fill(0);
          for (const id of ids) {
            // A touched row may have a gradient of zeros: an ignored label.
            for (let i = 0; i < width; i++)
              gradient.view[id * width + i] = id % 7 === 0 ? 0 : Math.cos(id + i + at);
          }
          table.update(sparseRows(gradient.view, width, ids), step);
          arena.adamw(dense.parameter, gradient, dense.m, dense.v, step);
        });
        for (const key of ['parameter', 'm', 'v'] as const) {
          expect(bits(sparse[key])).toEqual(bits(dense[key]));
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('AdamW', () => {
  const parameters = [
    parameter('words', [20, 8], { gradient: 'rows' }),
    parameter('a', [5, 5]),
    parameter('b', [3]),
    parameter('bias', [7], { decay: false }),
  ];

  async function setUp(
    weightDecay: number,
  ): Promise<{ state: TrainingState; optimizer: AdamW; dense: Slot }> {
    const layout = layOutParameters(parameters);
    const arena = await createArena(4 * blockCount(layout) + optimizerCount(layout));
    const state = allocateTrainingState(arena, layout);
    for (const each of parameters) {
      state.parameters.view(each).forEach((_, i, view) => {
        view[i] = 1 + i / 10;
      });
    }
    const optimizer = new AdamW(arena, state, {
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay,
    });
    return { state, optimizer, dense: arena.allocate(layout.denseCount) };
  }

  it('lays parameters out in two ranges, each on 64 bytes', () => {
    const layout = layOutParameters(parameters);
    expect(layout.decayRanges).toEqual([
      { start: 0, count: 48, decay: true, rateFactor: 1 },
      { start: 48, count: 16, decay: false, rateFactor: 1 },
    ]);
    expect(Object.fromEntries(layout.places)).toEqual({
      a: { start: 0, count: 25 },
      b: { start: 32, count: 3 },
      bias: { start: 48, count: 7 },
    });
    expect(layout.denseCount).toBe(64);
  });

  it('decays what it should, and moves against the gradient by the learning rate at first', async () => {
    const { state, optimizer, dense } = await setUp(0.5);
    const layout = state.layout;
    for (const { start, count } of layout.places.values()) dense.view.fill(2, start, start + count);
    const words = { ids: Int32Array.of(3), values: new Float32Array(8).fill(-1) };
    optimizer.update({
      gradient: { dense, rows: [words] },
      learningRate: 0.1,
      gradientScale: 1 / 4,
    });
    const value = (name: string, i: number): number => {
      const found = parameters.find((each) => each.name === name);
      return found === undefined ? NaN : (state.parameters.view(found)[i] ?? NaN);
    };
    expect(state.step).toBe(1);
    expect(value('a', 2)).toBeCloseTo(1.2 * 0.95 - 0.1, 5);
    expect(value('bias', 2)).toBeCloseTo(1.2 - 0.1, 5);
    expect(value('words', 24)).toBeCloseTo(3.4 * 0.95 + 0.1, 5);
    expect(value('words', 8)).toBeCloseTo(1.8 * 0.95, 5);
    // The gap behind b stays zero.
    expect(state.parameters.dense.view[36]).toBe(0);
  });

  it('takes the norm over dense parameters and rows', async () => {
    const { optimizer, dense } = await setUp(0);
    dense.view.fill(3, 0, 4);
    const words = { ids: Int32Array.of(3), values: Float32Array.from([0, 0, 0, 0, 8, 0, 0, 0]) };
    expect(optimizer.gradientNorm({ dense, rows: [words] })).toBe(10);
  });
});

describe('clipCoefficient', () => {
  it('is that of torch.nn.utils.clip_grad_norm_', () => {
    expect(clipCoefficient(4, 1)).toBe(1 / (4 + 1e-6));
    expect(clipCoefficient(0.5, 1)).toBe(1);
    expect(clipCoefficient(1, 1)).toBe(1 / (1 + 1e-6));
    expect(clipCoefficient(1e9, 0)).toBe(1);
  });
});

/// <reference lib="dom" />
// The types of WebAssembly are part of the DOM library, which only this package wants.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AdamWStep, Arena, Slot } from './arena.js';
import { alignedFloats, createArena } from './create-arena.js';

const maximumCount = 70;
const numbers = (count: number): fc.Arbitrary<Float32Array> =>
  fc
    .array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { minLength: count, maxLength: count })
    .map((values) => Float32Array.from(values));
/** Counts with every remainder of the vector width, and a start that is a multiple of 4 only. */
const region = fc.record({
  count: fc.nat(maximumCount - 8),
  start: fc.constantFrom(0, 4, 8),
  left: numbers(maximumCount),
  right: numbers(maximumCount),
});

let arena: Arena;
let slots: Slot[];

beforeAll(async () => {
  arena = await createArena(8 * alignedFloats(maximumCount));
  slots = Array.from({ length: 8 }, () => arena.allocate(maximumCount));
});

/** The part of slot `index`, filled; the rest of the slot keeps a mark that must survive. */
function filled(
  index: number,
  values: Float32Array,
  { start, count }: { start: number; count: number },
): Slot {
  const slot = slots[index] as Slot;
  slot.view.fill(-77);
  slot.view.set(values.subarray(0, count), start);
  return arena.part(slot, start, count);
}

function expectUntouched(index: number, { start, count }: { start: number; count: number }): void {
  (slots[index] as Slot).view.forEach((value, i) => {
    if (i < start || i >= start + count) expect(value).toBe(-77);
  });
}

const fround = Math.fround;

/** One value of AdamW, rounding to float32 after every operation. */
function adamw(
  { p, g, m, v }: { p: number; g: number; m: number; v: number },
  step: AdamWStep,
): { p: number; m: number; v: number } {
  const tiny = fround(1e-36);
  const scaled = fround(g * fround(step.gradientScale));
  const lerped = fround(m + fround(fround(1 - step.beta1) * fround(scaled - m)));
  const weighted = fround(fround(fround(1 - step.beta2) * scaled) * scaled);
  const squared = fround(fround(v * fround(step.beta2)) + weighted);
  const newM = Math.abs(lerped) < tiny ? 0 : lerped;
  const newV = squared < tiny ? 0 : squared;
  const root = fround(fround(Math.sqrt(newV)) / fround(Math.sqrt(1 - step.beta2 ** step.step)));
  const denominator = fround(root + fround(step.epsilon));
  const stepSize = fround(step.learningRate / (1 - step.beta1 ** step.step));
  const decayed = fround(p * fround(1 - step.learningRate * step.weightDecay));
  return { p: fround(decayed - fround(fround(stepSize * newM) / denominator)), m: newM, v: newV };
}

const settings: AdamWStep = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  step: 3,
  gradientScale: 0.25,
};

describe('arena', () => {
  it('adds, sums and copies any count, and nothing beyond', () => {
    fc.assert(
      fc.property(region, (at) => {
        const expected = at.left
          .map((value, i) => value + (at.right[i] ?? NaN))
          .subarray(0, at.count);
        const left = filled(0, at.left, at);
        const right = filled(1, at.right, at);
        const destination = filled(2, new Float32Array(maximumCount), at);
        arena.sum(destination, left, right);
        expect(destination.view).toEqual(expected);
        arena.add(left, right);
        expect(left.view).toEqual(expected);
        arena.copy(destination, right);
        expect(destination.view).toEqual(at.right.subarray(0, at.count));
        arena.fill(destination, 2.5);
        expect(destination.view).toEqual(new Float32Array(at.count).fill(2.5));
        for (const index of [0, 1, 2]) expectUntouched(index, at);
      }),
    );
  });

  it('sums squares in float64, the same wherever the values lie', () => {
    fc.assert(
      fc.property(region, (at) => {
        const sum = arena.sumOfSquares(filled(0, at.left, at));
        const exact = at.left
          .subarray(0, at.count)
          .reduce((total, value) => total + value * value, 0);
        expect(Math.abs(sum - exact)).toBeLessThanOrEqual(1e-14 * exact);
        expect(arena.sumOfSquares(filled(3, at.left, { ...at, start: 4 }))).toBe(sum);
      }),
    );
  });

  it('updates with AdamW as plain float32 arithmetic does', () => {
    fc.assert(
      fc.property(region, numbers(maximumCount), fc.boolean(), (at, gradient, isZero) => {
        const squares = at.right.map((value) => value * value);
        const [p, m, v] = [filled(0, at.left, at), filled(2, at.right, at), filled(3, squares, at)];
        const g = filled(1, gradient, at);
        arena.adamw(p, isZero ? undefined : g, m, v, settings);
        for (let i = 0; i < at.count; i++) {
          const before = { p: at.left[i] ?? NaN, m: at.right[i] ?? NaN, v: squares[i] ?? NaN };
          const after = adamw({ ...before, g: isZero ? 0 : (gradient[i] ?? NaN) }, settings);
          // toEqual on an object would tell 0 from -0, which no sum does.
          expect([p.view[i], m.view[i], v.view[i]].map((x) => (x ?? NaN) + 0)).toEqual(
            [after.p, after.m, after.v].map((x) => x + 0),
          );
        }
        for (const index of [0, 1, 2, 3]) expectUntouched(index, at);
      }),
    );
  });

  it('follows torch.optim.AdamW to 1e-6', () => {
    const file = new URL('../oracle/adamw.json', import.meta.url);
    const oracle = JSON.parse(readFileSync(file, 'utf8')) as {
      settings: { lr: number; betas: [number, number]; eps: number; weight_decay: number };
      start: number[];
      steps: { gradient: number[]; parameter: number[]; m: number[]; v: number[] }[];
    };
    const { lr, betas, eps, weight_decay } = oracle.settings;
    const at = { start: 0, count: oracle.start.length };
    const zeros = new Float32Array(at.count);
    const p = filled(0, Float32Array.from(oracle.start), at);
    const [m, v] = [filled(2, zeros, at), filled(3, zeros, at)];
    oracle.steps.forEach(({ gradient, ...expected }, index) => {
      const g = filled(1, Float32Array.from(gradient), at);
      arena.adamw(p, g, m, v, {
        learningRate: lr,
        beta1: betas[0],
        beta2: betas[1],
        epsilon: eps,
        weightDecay: weight_decay,
        step: index + 1,
        gradientScale: 1,
      });
      for (const [slot, values] of [
        [p, expected.parameter],
        [m, expected.m],
        [v, expected.v],
      ] as const) {
        slot.view.forEach((value, i) => {
          const reference = values[i] ?? NaN;
          expect(Math.abs(value - reference)).toBeLessThanOrEqual(1e-6 * Math.abs(reference));
        });
      }
    });
  });

  it('lets moments that are next to nothing become zero', () => {
    const at = { start: 0, count: 9 };
    const [p, m] = [
      filled(0, new Float32Array(9).fill(1), at),
      filled(2, new Float32Array(9).fill(1e-37), at),
    ];
    const v = filled(3, new Float32Array(9).fill(1e-37), at);
    arena.adamw(p, undefined, m, v, settings);
    expect([...m.view, ...v.view]).toEqual(Array(18).fill(0));
  });

  it('gives zeroed slots at multiples of 64 bytes, in another memory when one has no room', async () => {
    const small = await createArena(alignedFloats(5) + alignedFloats(40_000));
    expect(small.allocate(5).byteOffset % 64).toBe(0);
    const large = small.allocate(40_000);
    expect(large.byteOffset % 64).toBe(0);
    expect(large.view.every((value) => value === 0)).toBe(true);
    const next = small.allocate(400_000);
    expect([large.memory, next.memory]).toEqual([0, 1]);
    expect(next.view.every((value) => value === 0)).toBe(true);
    next.view.fill(1);
    expect(large.view.every((value) => value === 0)).toBe(true);
  });

  it('refuses slots of unequal counts', () => {
    const [a, b] = [slots[0] as Slot, arena.part(slots[1] as Slot, 0, 8)];
    expect(() => arena.add(a, b)).toThrow('slots of 70 and 8 values');
    expect(() => arena.part(a, 2, 8)).toThrow(/not a multiple of 4/);
    expect(() => arena.part(a, 64, 8)).toThrow(/part/);
  });

  it('works above 2 GiB', async () => {
    const big = await createArena(700_000_000);
    big.allocate(600_000_000);
    const [left, right] = [big.allocate(21), big.allocate(21)];
    expect(left.byteOffset).toBeGreaterThan(2 ** 31);
    left.view.fill(1.5);
    right.view.fill(2);
    big.add(left, right);
    expect(left.view).toEqual(new Float32Array(21).fill(3.5));
    expect(big.sumOfSquares(right)).toBe(84);
  });

  it('says what is too large for a WebAssembly memory', async () => {
    const huge = await createArena(1_100_000_000);
    expect(() => huge.allocate(1_100_000_000)).toThrow(
      'one tensor or gradient of 4.10 GiB: a WebAssembly memory holds 4.00 GiB',
    );
  });
});

/** Rows of a table that do not fill a piece, and regions longer than one. */
const longCount = 40_012;

describe('an arena of several memories', () => {
  /** The same work with every slot in a memory of its own, or all in one. @returns the bits of all slots */
  async function work(
    memoryBytes: number | undefined,
  ): Promise<{ bits: Buffer; memories: number }> {
    const all = await createArena(9 * alignedFloats(longCount), memoryBytes ? { memoryBytes } : {});
    const slots = Array.from({ length: 6 }, () => all.allocate(longCount)) as [
      Slot,
      Slot,
      Slot,
      Slot,
      Slot,
      Slot,
    ];
    slots.forEach(({ view }, number) => {
      for (let i = 0; i < view.length; i++) view[i] = Math.sin(i * (number + 1)) + 1.001;
    });
    const [p, g, m, v, sum, copied] = slots;
    all.sum(sum, p, g);
    all.add(g, sum);
    all.adamw(p, g, m, v, settings);
    all.adamw(all.part(p, 4, 33_000), undefined, all.part(m, 4, 33_000), all.part(v, 4, 33_000), {
      ...settings,
      step: 4,
    });
    const rows = longCount / 28;
    const marks = all.allocateMarks(rows);
    for (let row = 0; row < rows; row++) marks.view[row] = row % 5 < 3 ? 1 : 0;
    all.adamwMarked({ parameter: p, m, v }, marks, { ...settings, step: 5 });
    all.copy(copied, p);
    const squares = all.sumOfSquares(copied);
    const memories = new Set(slots.map(({ memory }) => memory)).size;
    const bits = slots.map(({ view }) => Buffer.from(view.slice().buffer));
    return {
      bits: Buffer.concat([...bits, Buffer.from(Float64Array.of(squares).buffer)]),
      memories,
    };
  }

  it('gives the bits of one memory, whatever lies where', async () => {
    const one = await work(undefined);
    // Room for one slot in each, or for two.
    const six = await work(8 * 65_536);
    const three = await work(10 * 65_536);
    expect([one.memories, three.memories, six.memories]).toEqual([1, 3, 6]);
    expect(six.bits.equals(one.bits)).toBe(true);
    expect(three.bits.equals(one.bits)).toBe(true);
  });
});

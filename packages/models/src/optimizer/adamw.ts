/**
 * AdamW over a training state: dense ranges with and without weight decay, then the row tables.
 * Formula: torch.optim.AdamW (decoupled weight decay), computed by the arena's SIMD loop. The gradient comes as a
 * sum over the batch; the division by the batch's weight and the clipping are one factor, applied as it is read.
 */
import type { AdamWStep, Arena, Slot } from '@microtune/arena';
import { assert } from '@microtune/shared';
import { RowTable, rowTableCount, type SparseRows } from './row-table.js';
import type { ParameterLayout, UpdateRange } from './layout.js';
import type { TrainingState } from './training-state.js';

export interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Applied to parameters with `decay`. */
  readonly weightDecay: number;
}

/** Summed over all shards of a step. */
export interface Gradient {
  /** Laid out as `layout.denseCount`. */
  readonly dense: Slot;
  /** Beside `layout.tables`. */
  readonly rows: readonly SparseRows[];
}

export interface StepFactors {
  readonly learningRate: number;
  /** Multiplied into the gradient: clipCoefficient / weight of the batch. */
  readonly gradientScale: number;
}

export interface Update extends StepFactors {
  readonly gradient: Gradient;
}

/** Numbers that an AdamW takes of the arena beside the state. */
export function optimizerCount(layout: ParameterLayout): number {
  return layout.tables.reduce(
    (sum, { shape }) => sum + rowTableCount([shape[0] ?? 0, shape[1] ?? 0]),
    0,
  );
}

export class AdamW {
  readonly #arena: Arena;
  readonly #state: TrainingState;
  readonly #settings: AdamWSettings;
  readonly #tables: readonly RowTable[];
  readonly #ranges: readonly DenseRange[];

  constructor(arena: Arena, state: TrainingState, settings: AdamWSettings) {
    this.#arena = arena;
    this.#state = state;
    this.#settings = settings;
    this.#tables = state.layout.tables.map((_, i) => tableOf(arena, state, i));
    this.#ranges = denseRanges(arena, state);
  }

  /** To be called after the moments were loaded from a checkpoint. */
  resume(): void {
    for (const table of this.#tables) table.resume();
  }

  /**
   * Global norm of `gradient`, in float64 and in an order that depends on nothing but the layout and the rows:
   * the same bits on every worker. Divide by the batch's weight for the norm of the mean gradient.
   */
  gradientNorm({ dense, rows }: Gradient): number {
    return Math.sqrt(this.#arena.sumOfSquares(dense) + squaresOfRows(rows));
  }

  /** Applies one update and advances `state.step`. */
  update({ gradient, ...factors }: Update): void {
    const step = this.#nextStep(factors);
    for (const { start, count, parameter, m, v, ...range } of this.#ranges) {
      const part = this.#arena.part(gradient.dense, start, count);
      this.#arena.adamw(parameter, part, m, v, stepOf(range, step));
    }
    this.#updateTables(gradient.rows, step);
  }

  /** The same where the dense part is on a device and was updated there: the row tables, and `state.step`. */
  updateTables({ rows, ...factors }: StepFactors & Pick<Gradient, 'rows'>): void {
    this.#updateTables(rows, this.#nextStep(factors));
  }

  #nextStep({ learningRate, gradientScale }: StepFactors): AdamWStep {
    this.#state.step += 1;
    return { ...this.#settings, learningRate, gradientScale, step: this.#state.step };
  }

  #updateTables(gradients: readonly SparseRows[], step: AdamWStep): void {
    assert(gradients.length === this.#tables.length, 'one sparse gradient per table');
    this.#state.layout.tables.forEach(({ decay }, i) => {
      const rows = gradients[i];
      assert(rows, 'one sparse gradient per table');
      this.#tables[i]?.update(rows, stepOf({ decay, rateFactor: 1 }, step));
    });
  }
}

interface DenseRange extends UpdateRange {
  readonly parameter: Slot;
  readonly m: Slot;
  readonly v: Slot;
}

function denseRanges(arena: Arena, state: TrainingState): DenseRange[] {
  return state.layout.decayRanges.map((range) => ({
    ...range,
    parameter: arena.part(state.parameters.dense, range.start, range.count),
    m: arena.part(state.m.dense, range.start, range.count),
    v: arena.part(state.v.dense, range.start, range.count),
  }));
}

function tableOf(arena: Arena, state: TrainingState, index: number): RowTable {
  const [rows, width] = state.layout.tables[index]?.shape ?? [];
  const [parameter, m, v] = [state.parameters, state.m, state.v].map(({ tables }) => tables[index]);
  assert(
    rows !== undefined && width !== undefined && parameter && m && v,
    'a table is two-dimensional',
  );
  return new RowTable(arena, [rows, width], { parameter, m, v });
}

function stepOf(
  { decay, rateFactor }: Pick<UpdateRange, 'decay' | 'rateFactor'>,
  step: AdamWStep,
): AdamWStep {
  return {
    ...step,
    learningRate: step.learningRate * rateFactor,
    weightDecay: decay ? step.weightDecay : 0,
  };
}

/** Sum of squares in float64, table by table and in the order of the rows. */
export function squaresOfRows(tables: readonly SparseRows[]): number {
  let sum = 0;
  for (const { values } of tables) {
    for (const value of values) sum += value * value;
  }
  return sum;
}

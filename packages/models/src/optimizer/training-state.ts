/**
 * Everything that an optimizer step changes, and so everything that a checkpoint must hold; beside it, what is computed
 * with and stays as it was loaded.
 */
import { alignedFloats, type Arena } from '@microtune/arena';
import type { Parameter } from '../program/program.js';
import { allocateFrozen, type FrozenWeights } from './frozen-weights.js';
import { elementCount, type ParameterLayout } from './layout.js';
import { allocateBlock, type ParameterBlock } from './parameter-block.js';

export interface TrainingState {
  readonly layout: ParameterLayout;
  readonly parameters: ParameterBlock;
  /** Running mean of the gradient (`exp_avg`). */
  readonly m: ParameterBlock;
  /** Running mean of its square (`exp_avg_sq`). */
  readonly v: ParameterBlock;
  /** Updates applied so far. */
  step: number;
  readonly frozen: FrozenWeights;
}

/** The memory of any of the program's parameters, trained or not; bytes where it is kept in bfloat16. */
export function weightsOf(
  { parameters, frozen }: Pick<TrainingState, 'parameters' | 'frozen'>,
  parameter: Parameter,
): Float32Array | Uint8Array {
  return parameter.trainable ? parameters.view(parameter) : frozen.stored(parameter);
}

/**
 * Parameters and moments, all zero.
 * @param all of the program; what is not trained gets memory outside the arena
 * @param inBfloat16 names of parameters that are not trained and kept as bfloat16
 * @throws MicrotuneError `usage` when the arena cannot hold the others
 */
export function allocateTrainingState(
  arena: Arena,
  layout: ParameterLayout,
  all: readonly Parameter[] = layout.parameters,
  inBfloat16?: ReadonlySet<string>,
): TrainingState {
  return {
    frozen: allocateFrozen(all, inBfloat16),
    layout,
    parameters: allocateBlock(arena, layout),
    m: allocateBlock(arena, layout),
    v: allocateBlock(arena, layout),
    step: 0,
  };
}

/** Numbers that one ParameterBlock takes of an arena; a TrainingState takes three times as many. */
export function blockCount(layout: ParameterLayout): number {
  return layout.tables.reduce(
    (sum, { shape }) => sum + alignedFloats(elementCount(shape)),
    alignedFloats(layout.denseCount),
  );
}

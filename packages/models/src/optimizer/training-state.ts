/** Everything that an optimizer step changes, and so everything that a checkpoint must hold. */
import { alignedFloats, type Arena } from '@microtune/arena';
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
}

/** Parameters and moments, all zero. @throws MicrotuneError `usage` when the arena cannot hold them */
export function allocateTrainingState(arena: Arena, layout: ParameterLayout): TrainingState {
  return {
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

import type { LabelTask } from '@microtune/shared';
import { classIds, targets, targetWeights, type InputSpec } from '@microtune/tasks';

/** What the loss of a task of labels reads of a batch. */
export function labelInputsOf({ kind }: LabelTask): InputSpec[] {
  return kind === 'regression' ? [targets, targetWeights] : [classIds];
}

/** Opens the labelled texts of a run. */
import {
  openSplits,
  reportData,
  type SplitConfig,
  type SplitPlaces,
  type TokenizedDataset,
} from '@microtune/data';
import { problemTypeOf } from '@microtune/shared';
import type { OpenedTask, TaskSplit } from '../opened-task.js';
import { labelTask } from './label-task.js';

export interface LabelTaskConfig extends SplitConfig {
  readonly labelSmoothingFactor: number;
}

/** @throws as openSplits */
export async function openLabelTask(
  config: LabelTaskConfig,
  places: SplitPlaces,
): Promise<OpenedTask> {
  const splits = await openSplits(config, places);
  const { train, validation, padTokenId, maxSeqLength, textColumns, notes } = splits;
  const task = labelTask(splits.task, { labelSmoothing: config.labelSmoothingFactor });
  const split = (data: TokenizedDataset): TaskSplit => ({
    size: data.size,
    lengths: data.lengths,
    contentHash: data.contentHash,
    tokens: data,
    collator: (specs) => task.collator(data, specs, { padTokenId }),
    score: (evaluated) => task.score(evaluated, data),
  });
  const { spec, metricNames, digest } = task;
  return {
    spec,
    metricNames,
    digest,
    train: split(train),
    validation: validation && split(validation),
    maxSeqLength,
    textColumns,
    decided: { textColumnNames: [...textColumns], problemType: problemTypeOf(splits.task) },
    notes,
    report: () => reportData(splits),
  };
}

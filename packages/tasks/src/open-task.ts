/** The one place that lists the tasks: whoever adds one adds its opener here. */
import type { SplitPlaces } from '@microtune/data';
import { isLabelTask, type ResolvedConfig, type TaskKind, type TaskSpec } from '@microtune/shared';
import { openCausalSplits } from './causal-lm/open-causal-splits.js';
import { openLabelTask } from './labels/open-label-task.js';
import type { OpenedTask } from './opened-task.js';

export interface TaskPlaces extends Pick<
  SplitPlaces,
  'tokenizerFolder' | 'labelsFolder' | 'cacheFolder'
> {
  /** As the coordinator decided it; undefined decides from configuration and data. */
  readonly task?: TaskSpec | undefined;
}

type Opener = (config: ResolvedConfig, places: TaskPlaces) => Promise<OpenedTask>;

const openLabels: Opener = (config, { task, ...folders }) =>
  openLabelTask(config, {
    ...folders,
    task: task !== undefined && isLabelTask(task) ? task : undefined,
  });

const openers: { readonly [Kind in TaskKind]: Opener } = {
  'sequence-classification': openLabels,
  regression: openLabels,
  'causal-lm': openCausalSplits,
};

/**
 * The task of a run with its data, the same on every process that opens it with the same configuration and spec.
 * @throws MicrotuneError `data` or `usage` naming file and line, or the option, that does not fit
 */
export async function openTask(config: ResolvedConfig, places: TaskPlaces): Promise<OpenedTask> {
  return openers[places.task?.kind ?? config.task ?? 'sequence-classification'](config, places);
}

/** The one place that lists the tasks: whoever adds one adds its opener here. */
import type { SplitPlaces } from '@microtune/data';
import { isLabelTask, type ResolvedConfig, type TaskKind, type TaskSpec } from '@microtune/shared';
import type { OpenedTask } from './opened-task.js';

export interface TaskPlaces extends Pick<
  SplitPlaces,
  'tokenizerFolder' | 'labelsFolder' | 'cacheFolder'
> {
  /** As the coordinator decided it; undefined decides from configuration and data. */
  readonly task?: TaskSpec | undefined;
}

type Opener = (config: ResolvedConfig, places: TaskPlaces) => Promise<OpenedTask>;

// Each is loaded by the runs that want it.
const openLabels: Opener = async (config, { task, ...folders }) => {
  const { openLabelTask } = await import('./labels/open-label-task.js');
  return openLabelTask(config, {
    ...folders,
    task: task !== undefined && isLabelTask(task) ? task : undefined,
  });
};
const openCausal: Opener = async (config, places) => {
  const { openCausalSplits } = await import('./causal-lm/open-causal-splits.js');
  return openCausalSplits(config, places);
};

const openers: { readonly [Kind in TaskKind]: Opener } = {
  'sequence-classification': openLabels,
  regression: openLabels,
  'causal-lm': openCausal,
};

/**
 * The task of a run with its data, the same on every process that opens it with the same configuration and spec.
 * @throws MicrotuneError `data` or `usage` naming file and line, or the option, that does not fit
 */
export async function openTask(config: ResolvedConfig, places: TaskPlaces): Promise<OpenedTask> {
  return openers[places.task?.kind ?? config.task ?? 'sequence-classification'](config, places);
}

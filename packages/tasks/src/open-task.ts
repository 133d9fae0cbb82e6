/** The one place that lists the tasks: whoever adds one adds its opener here. */
import type { SplitPlaces } from '@microtune/data';
import type { ResolvedConfig, TaskKind, TaskSpec } from '@microtune/shared';
import { openLabelTask } from './labels/open-label-task.js';
import type { OpenedTask } from './opened-task.js';

export interface TaskPlaces extends Pick<SplitPlaces, 'tokenizerFolder' | 'cacheFolder'> {
  /** As the coordinator decided it; undefined decides from configuration and data. */
  readonly task?: TaskSpec | undefined;
}

type Opener = (config: ResolvedConfig, places: TaskPlaces) => Promise<OpenedTask>;

const openers: { readonly [Kind in TaskKind]: Opener } = {
  'sequence-classification': openLabelTask,
  regression: openLabelTask,
};

/**
 * The task of a run with its data, the same on every process that opens it with the same configuration and spec.
 * @throws MicrotuneError `data` or `usage` naming file and line, or the option, that does not fit
 */
export async function openTask(config: ResolvedConfig, places: TaskPlaces): Promise<OpenedTask> {
  return openers[places.task?.kind ?? 'sequence-classification'](config, places);
}

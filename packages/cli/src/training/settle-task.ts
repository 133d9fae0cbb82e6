/** The task of a run, decided before anything depends on it: as the configuration says, else as model and data show. */
import { readRows } from '@microtune/data';
import { modelKind } from '@microtune/models/model-size';
import type { ParsedConfig } from '@microtune/shared';
import { findTask, taskOfOptions, type FoundTask } from '@microtune/tasks';

export interface SettledTask {
  readonly config: ParsedConfig;
  /** What was found, where the user should hear of it. */
  readonly note: string | undefined;
}

/** @throws MicrotuneError `data` where model and data leave a doubt, or the training data cannot be read */
export async function settleTask(config: ParsedConfig): Promise<SettledTask> {
  if (config.task !== undefined) return { config, note: undefined };
  const { task, reason } = await foundTask(config);
  return {
    config: { ...config, task },
    note: reason && `task ${task}, ${reason}; --task names another`,
  };
}

async function foundTask(config: ParsedConfig): Promise<FoundTask> {
  const labels: FoundTask = { task: 'sequence-classification', reason: undefined };
  const byOptions = taskOfOptions(config);
  if (byOptions !== undefined) return byOptions;
  const model = await modelKind(config.modelNameOrPath);
  if (model?.readsForward !== true) return labels;
  for await (const row of readRows(config.trainFile, config)) return findTask(row, model, config);
  return labels;
}

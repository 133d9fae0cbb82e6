/** Options that were given and have no part in this run. HuggingFace passes over them in silence; here each is said. */
import { extname } from 'node:path';
import { runConfigSchema, type ResolvedConfig } from '@microtune/shared';

type Rule = (config: ResolvedConfig) => string | undefined;

const { perDeviceTrainBatchSize, saveSteps } = runConfigSchema.shape;
const defaultRows = perDeviceTrainBatchSize.parse(undefined);
const defaultSaveSteps = saveSteps.parse(undefined);

const rules: readonly Rule[] = [
  ({ trainBatchSize, workers, gradientAccumulationSteps: times, perDeviceTrainBatchSize: rows }) =>
    (times > 1 || rows !== defaultRows) && rows * workers * times !== trainBatchSize
      ? `a step has ${trainBatchSize} rows (train_batch_size): per_device_train_batch_size ${rows} and ` +
        `gradient_accumulation_steps ${times} have no part in it`
      : undefined,
  (c) =>
    c.evalSteps !== undefined && c.evalStrategy !== 'steps'
      ? `eval_steps has no effect: eval_strategy is ${c.evalStrategy}, not steps`
      : undefined,
  (c) =>
    c.saveSteps !== defaultSaveSteps && c.saveStrategy !== 'steps'
      ? `save_steps has no effect: save_strategy is ${c.saveStrategy}, not steps`
      : undefined,
  (c) =>
    c.lrSchedulerType === 'constant' && (c.warmupSteps > 0 || (c.warmupRatio ?? 0) > 0)
      ? 'lr_scheduler_type constant has no warm-up: for one, take constant_with_warmup'
      : undefined,
  (c) =>
    c.maxEvalSamples !== undefined && c.validationFile === undefined && !c.validationSplit
      ? 'max_eval_samples has no effect: there is no evaluation data'
      : undefined,
  (c) =>
    c.columnNames !== undefined && ![...c.trainFile, ...(c.validationFile ?? [])].some(isTable)
      ? 'column_names has no effect: it is for csv and tsv files'
      : undefined,
];

function isTable(file: string): boolean {
  return ['.csv', '.tsv'].includes(extname(file).toLowerCase());
}

/** A note for each of them. */
export function unusedOptions(config: ResolvedConfig): string[] {
  return rules.flatMap((rule) => rule(config) ?? []);
}

/** Options that were given and have no part in this run. HuggingFace passes over them in silence; here each is said. */
import { extname } from 'node:path';
import { runConfigSchema, type ResolvedConfig } from '@microtune/shared';
import { batchRows } from './batch-size.js';

type Rule = (config: ResolvedConfig) => string | undefined;

const defaultSaveSteps = runConfigSchema.shape.saveSteps.parse(undefined);

const rules: readonly Rule[] = [
  (c) => {
    const { gradientAccumulationSteps: times, perDeviceTrainBatchSize: rows } = c;
    const given = [
      ...(rows === undefined ? [] : [`per_device_train_batch_size ${rows}`]),
      ...(times === 1 ? [] : [`gradient_accumulation_steps ${times}`]),
    ];
    if (given.length === 0 || batchRows(c) === c.trainBatchSize) return undefined;
    const source =
      c.resumeFromCheckpoint === undefined ? 'train_batch_size' : 'as in the checkpoint';
    const verb = given.length === 1 ? 'has' : 'have';
    return `a step has ${c.trainBatchSize} rows (${source}): ${given.join(' and ')} ${verb} no part in it`;
  },
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

/** Combinations of options that cannot work, each named by the fields to change. One pure rule per combination. */
import { isDeepStrictEqual } from 'node:util';
import {
  MicrotuneError,
  languageOptions,
  methodOptions,
  optionName,
  runConfigSchema,
  type ParsedConfig,
} from '@microtune/shared';
import { z } from 'zod';

/** What this machine can do, as far as combinations depend on it. */
export interface MachineAbilities {
  /** bfloat16 products in hardware; undefined where that is not known and the engine will tell. */
  readonly bf16: boolean | undefined;
}

/**
 * Their CPU forms are there to show what a card computes, so they do it in bfloat16 where it is slower, too; the
 * others run on CPUs for speed alone.
 */
const emulateBf16: ReadonlySet<ParsedConfig['engine']> = new Set(['xla', 'tensorflow']);

type Rule = (config: ParsedConfig, machine: MachineAbilities) => string | undefined;

const hasEvaluationData = (config: ParsedConfig): boolean =>
  config.validationFile !== undefined || (config.validationSplit ?? 0) > 0;

const whenEvaluationHasNoData =
  (wants: (config: ParsedConfig) => string | undefined): Rule =>
  (config) => {
    const option = wants(config);
    if (option === undefined || hasEvaluationData(config)) return undefined;
    return `${option} needs evaluation data: give --validation_file or --validation_split`;
  };

type MethodKey = keyof typeof methodOptions;
const methodDefaults = z.object(methodOptions).parse({});

const labelKeys = [
  'numLabels',
  'problemType',
  'labelColumnName',
  'classifierDropout',
] as const satisfies (keyof ParsedConfig)[];
const labelDefaults = runConfigSchema
  .pick({
    numLabels: true,
    problemType: true,
    labelColumnName: true,
    classifierDropout: true,
  })
  .parse({});

const languageKeys = Object.keys(languageOptions) as (keyof typeof languageOptions)[];

const rules: readonly Rule[] = [
  whenEvaluationHasNoData((c) =>
    c.evalStrategy === 'no' ? undefined : `--eval_strategy ${c.evalStrategy}`,
  ),
  whenEvaluationHasNoData((c) => (c.loadBestModelAtEnd ? '--load_best_model_at_end' : undefined)),
  whenEvaluationHasNoData((c) => (c.evalOnStart ? '--eval_on_start' : undefined)),
  whenEvaluationHasNoData((c) => (c.saveStrategy === 'best' ? '--save_strategy best' : undefined)),
  whenEvaluationHasNoData((c) =>
    c.earlyStoppingPatience ? '--early_stopping_patience' : undefined,
  ),
  (c) =>
    c.validationFile !== undefined && c.validationSplit !== undefined
      ? '--validation_file and --validation_split exclude each other: give one'
      : undefined,
  (c) =>
    c.loadBestModelAtEnd && c.evalStrategy === 'no'
      ? '--load_best_model_at_end compares evaluations: set --eval_strategy steps or epoch'
      : undefined,
  (c) =>
    c.saveStrategy === 'best' && c.evalStrategy === 'no'
      ? '--save_strategy best compares evaluations: set --eval_strategy steps or epoch'
      : undefined,
  (c) =>
    c.earlyStoppingPatience !== undefined && !c.loadBestModelAtEnd
      ? '--early_stopping_patience needs --load_best_model_at_end'
      : undefined,
  (c) =>
    c.earlyStoppingThreshold > 0 && c.earlyStoppingPatience === undefined
      ? '--early_stopping_threshold needs --early_stopping_patience'
      : undefined,
  ({ lrSchedulerType: type, lrSchedulerKwargs: { numCycles, lrEnd, power } }) =>
    (numCycles !== undefined && type !== 'cosine') ||
    ((lrEnd !== undefined || power !== undefined) && type !== 'polynomial')
      ? `--lr_scheduler_kwargs: cosine takes num_cycles, polynomial lr_end and power; --lr_scheduler_type is ${type}`
      : undefined,
  ({ lrSchedulerKwargs: { lrEnd = 0 }, learningRate }) =>
    lrEnd > 0 && lrEnd >= learningRate
      ? `--lr_scheduler_kwargs: lr_end ${lrEnd} must be below --learning_rate ${learningRate}`
      : undefined,
  (c) =>
    c.warmupRatio !== undefined && c.warmupSteps > 0
      ? '--warmup_ratio and --warmup_steps exclude each other: give one'
      : undefined,
  ({ warmupSteps, loggingSteps = 1, evalSteps = 1, saveSteps }) => {
    const counts = Object.entries({ warmupSteps, loggingSteps, evalSteps, saveSteps });
    const [key] = counts.find(([, steps]) => steps >= 1 && !Number.isInteger(steps)) ?? [];
    return key && `--${optionName(key)} is a whole number of steps, or a fraction below 1`;
  },
  (c) =>
    c.problemType === 'regression' && c.numLabels !== undefined && c.numLabels !== 1
      ? `--problem_type regression predicts one number: leave --num_labels out or set it to 1, not ${c.numLabels}`
      : undefined,
  (c) =>
    c.problemType === 'regression' && c.labelSmoothingFactor > 0
      ? '--label_smoothing_factor needs classes; --problem_type is regression'
      : undefined,
  (c) => {
    const given = labelKeys.find((key) => c[key] !== labelDefaults[key]);
    return c.task === 'causal-lm' && given !== undefined
      ? `--${optionName(given)} belongs to labels, and --task causal-lm has none: leave one of them out`
      : undefined;
  },
  (c) => {
    const ofLabels = labelKeys.find((key) => c[key] !== labelDefaults[key]);
    const ofLanguage = languageKeys.find((key) => c[key] !== undefined);
    return c.task === undefined && ofLabels !== undefined && ofLanguage !== undefined
      ? `--${optionName(ofLabels)} belongs to labels, --${optionName(ofLanguage)} to --task causal-lm: leave one of them out`
      : undefined;
  },
  (c) => {
    const given = languageKeys.find((key) => c[key] !== undefined);
    return c.task === 'sequence-classification' && given !== undefined
      ? `--${optionName(given)} belongs to --task causal-lm; --task is ${c.task}`
      : undefined;
  },
  (c) =>
    c.fromScratch && c.method !== 'full'
      ? `--from_scratch has nothing that is worth keeping: it trains everything, so leave --method ${c.method} out`
      : undefined,
  (c) =>
    c.method !== 'freeze' && c.freezeParameters !== undefined
      ? `--freeze_parameters belongs to --method freeze; --method is ${c.method}`
      : undefined,
  ...(['lora', 'ia3'] as const).map((method): Rule => (c) => {
    const given = Object.keys(methodOptions).find(
      (key) =>
        key.startsWith(method) &&
        !isDeepStrictEqual(c[key as MethodKey], methodDefaults[key as MethodKey]),
    );
    return c.method !== method && given !== undefined
      ? `--${optionName(given)} belongs to --method ${method}; --method is ${c.method}`
      : undefined;
  }),
  (c) =>
    c.loraLayersPattern !== undefined && c.loraLayersToTransform === undefined
      ? '--lora_layers_pattern says how --lora_layers_to_transform counts: give both, or neither'
      : undefined,
  (c) =>
    (c.textColumnNames?.length ?? 1) > 2
      ? `--text_column_names takes one column, or two for pairs, not ${c.textColumnNames?.length}`
      : undefined,
  (c) =>
    c.bf16 && c.engine === 'onnx'
      ? `--bf16 does not run on --engine onnx: use --engine openvino`
      : undefined,
  (c) =>
    c.bf16 && c.engine === 'reference'
      ? `--bf16 does not run on --engine reference: use --engine openvino`
      : undefined,
  (c, machine) =>
    c.bf16 && machine.bf16 === false && !emulateBf16.has(c.engine)
      ? '--bf16: this CPU has no bfloat16 products (neither avx512_bf16 nor amx_bf16): leave --bf16 out'
      : undefined,
];

/** @throws MicrotuneError `usage` for the first combination that cannot work */
export function checkCombinations(config: ParsedConfig, machine: MachineAbilities): void {
  for (const rule of rules) {
    const problem = rule(config, machine);
    if (problem !== undefined) throw new MicrotuneError('usage', problem);
  }
}

/**
 * The run's configuration: one zod schema gives types, validation, `--help` and docs.
 * Names and defaults are those of HuggingFace's TrainingArguments (transformers 5) where the option exists there:
 * camelCase here, snake_case in files and flags (`optionName`). `RunConfig` is what is written;
 * `ResolvedConfig` is complete and checked, is stored in the run folder, and never changes when workers come and go.
 */
import { z } from 'zod';
import { deviceListSchema } from './devices.js';
import { MicrotuneError } from './errors.js';
import { methodOptions, resolvedMethodOptions } from './method-config.js';
import { languageOptions } from './language-config.js';
import { defaultMaxSeqLength, problemTypes, taskNames } from './task-spec.js';

const text = z.string().min(1, 'must not be empty');
const fileList = z
  .union([text, z.array(text).min(1)])
  .transform((v) => (typeof v === 'string' ? [v] : v));
const columnList = z
  .union([text, z.array(text).min(1)])
  .transform((v) => (typeof v === 'string' ? v.split(',').map((name) => name.trim()) : v));
const positive = z.number().int().positive();
const whole = z.number().int().nonnegative();
const fraction = z.number().min(0).lt(1);

export const schedulerTypes = [
  'linear',
  'constant',
  'constant_with_warmup',
  'cosine',
  'polynomial',
] as const;
export const strategies = ['no', 'steps', 'epoch'] as const;
export const engineNames = ['openvino', 'onnx', 'xla', 'tensorflow', 'reference'] as const;
export type EngineName = (typeof engineNames)[number];
/** What `--engine` takes. */
export const engineChoices = ['auto', ...engineNames] as const;

export const runConfigSchema = z.strictObject({
  // Model
  modelNameOrPath: text.describe('Folder of the source model in HuggingFace layout'),
  fromScratch: z
    .boolean()
    .default(false)
    .describe(
      'Begin with random weights from seed; those of the model folder, if it has any, are not read',
    ),
  task: z
    .enum(taskNames)
    .optional()
    .describe(
      'What is learned: a label for each text, or the next token (causal-lm). Default: as model and data show, e.g. causal-lm for a decoder and conversations',
    ),
  numLabels: positive
    .optional()
    .describe('Number of classes; 1 for regression. Default: from the training labels'),
  problemType: z
    .enum(problemTypes)
    .optional()
    .describe('What the head predicts. Default: config.json of the model, else from the labels'),
  hiddenDropoutProb: fraction.optional().describe('Overrides hidden_dropout_prob of the model'),
  attentionProbsDropoutProb: fraction
    .optional()
    .describe('Overrides attention_probs_dropout_prob of the model'),
  classifierDropout: fraction.optional().describe('Overrides classifier_dropout of the model'),

  // Method
  ...methodOptions,

  // Data
  trainFile: fileList.describe(
    'Training file or files: .csv, .tsv, .jsonl, .json (lines or one array), .parquet',
  ),
  validationFile: fileList.optional().describe('Evaluation file or files'),
  validationSplit: fraction
    .optional()
    .describe('Fraction of the training rows held out for evaluation'),
  columnNames: columnList
    .optional()
    .describe('Names of the columns of a csv or tsv file without a header line'),
  textColumnNames: columnList
    .optional()
    .describe(
      'Columns of the text, or of the two texts of a pair. Default: the usual names, else the only column that can be a text (docs/data.md)',
    ),
  ...languageOptions,
  labelColumnName: text.default('label').describe('Column of the label'),
  maxSeqLength: positive
    .optional()
    .describe(
      `Tokens per row after truncation. Default: ${defaultMaxSeqLength['sequence-classification']}, of causal-lm ${defaultMaxSeqLength['causal-lm']}, or what the model takes if that is less`,
    ),
  maxTrainSamples: positive.optional().describe('Use only the first rows of the training data'),
  maxEvalSamples: positive.optional().describe('Use only the first rows of the evaluation data'),

  // Output
  outputDir: text
    .default('trainer_output')
    .describe('Run folder: checkpoints, metrics, logs, the trained model'),
  overwriteOutputDir: z
    .boolean()
    .default(false)
    .describe('Allow an output folder that already holds a run'),

  // Length and batch
  numTrainEpochs: z.number().positive().default(3).describe('Epochs; fractions allowed'),
  maxSteps: z
    .number()
    .int()
    .default(-1)
    .describe('Optimizer steps; above 0 it wins over num_train_epochs'),
  trainBatchSize: positive
    .optional()
    .describe(
      'Rows per optimizer step over all workers (the global batch). Default: 8 x gradient_accumulation_steps, for any number of workers',
    ),
  perDeviceTrainBatchSize: positive
    .optional()
    .describe(
      'Rows per worker: the global batch becomes this x workers x gradient_accumulation_steps when the run starts, and stays so when it resumes',
    ),
  gradientAccumulationSteps: positive.default(1).describe('Multiplies the global batch'),
  perDeviceEvalBatchSize: positive
    .default(8)
    .describe('Accepted for HF compatibility; evaluation batches are cut by tokens'),
  packing: z
    .boolean()
    .optional()
    .describe(
      'Fill rows of max_seq_length tokens over the epoch: train_batch_size counts such rows. false: one sample a row. Default: samples share rows within their step',
    ),
  microBatchTokens: positive
    .default(512)
    .describe(
      'Padded tokens per shard: decides the bits of the result and the speed, never derived from the workers',
    ),

  // Optimizer
  learningRate: z.number().nonnegative().default(5e-5).describe('Peak learning rate'),
  lrSchedulerType: z.enum(schedulerTypes).default('linear').describe('Learning-rate schedule'),
  lrSchedulerKwargs: z
    .strictObject({
      numCycles: z.number().optional(),
      lrEnd: z.number().optional(),
      power: z.number().optional(),
    })
    .default({})
    .describe('Schedule parameters as JSON: num_cycles (cosine), lr_end and power (polynomial)'),
  warmupSteps: z
    .number()
    .nonnegative()
    .default(0)
    .describe('Warm-up steps; below 1 a fraction of all steps'),
  warmupRatio: fraction.optional().describe('Warm-up as a fraction of all steps'),
  weightDecay: z
    .number()
    .nonnegative()
    .default(0)
    .describe('AdamW weight decay; not applied to biases and LayerNorm'),
  adamBeta1: fraction.default(0.9).describe('AdamW beta1'),
  adamBeta2: fraction.default(0.999).describe('AdamW beta2'),
  adamEpsilon: z.number().positive().default(1e-8).describe('AdamW epsilon'),
  maxGradNorm: z
    .number()
    .nonnegative()
    .default(1)
    .describe('Clip the global gradient norm; 0 disables'),
  labelSmoothingFactor: fraction.default(0).describe('Label smoothing'),
  seed: whole.default(42).describe('Seed of the head, the order and dropout'),
  dataSeed: whole.optional().describe('Seed of the order alone. Default: seed'),

  // Logging, evaluation, saving
  loggingSteps: z
    .number()
    .positive()
    .optional()
    .describe(
      'Steps between training log lines; below 1 a fraction of all steps. Default: 500, in a short run a tenth of its steps',
    ),
  loggingFirstStep: z.boolean().default(false).describe('Log the first step too'),
  evalStrategy: z
    .enum(strategies)
    .default('no')
    .describe(
      'When to evaluate during training; the end always does where there is evaluation data',
    ),
  evalSteps: z
    .number()
    .positive()
    .optional()
    .describe('Steps between evaluations. Default: logging_steps'),
  evalOnStart: z.boolean().default(false).describe('Evaluate before the first step'),
  saveStrategy: z
    .enum([...strategies, 'best'])
    .default('steps')
    .describe('When to write checkpoints'),
  saveSteps: z
    .number()
    .positive()
    .default(500)
    .describe('Steps between checkpoints; below 1 a fraction of all steps'),
  saveTotalLimit: positive.optional().describe('Keep only the newest checkpoints'),
  loadBestModelAtEnd: z
    .boolean()
    .default(false)
    .describe('End with the weights of the best evaluation'),
  metricForBestModel: text
    .optional()
    .describe('Metric that decides which evaluation is best. Default: loss'),
  greaterIsBetter: z
    .boolean()
    .optional()
    .describe('Default: true unless the metric ends in "loss"'),
  earlyStoppingPatience: positive
    .optional()
    .describe('Stop after so many evaluations without improvement'),
  earlyStoppingThreshold: z.number().nonnegative().default(0).describe('Improvement that counts'),
  resumeFromCheckpoint: z
    .union([z.boolean(), text])
    .default(false)
    .describe('Checkpoint folder to continue from, or true for the newest of output_dir'),

  // Machines
  workers: positive
    .optional()
    .describe('Worker processes. Default: one per device, one on the CPU'),
  threadsPerWorker: positive
    .optional()
    .describe('Engine threads per worker. Default: cores / workers, at least 1'),
  engine: z.enum(engineChoices).default('auto').describe('What runs the graph'),
  devices: deviceListSchema.optional().meta({
    description:
      'cpu, cuda (all cards), or a list such as cuda:0,cuda:1: each worker gets exactly one. Default: cuda where a GPU and an engine for it are set up, else cpu',
    once: true,
  }),
  oversubscribe: z
    .boolean()
    .default(false)
    .describe('Allow more workers than cards; those on one card share its memory'),
  bf16: z.boolean().default(false).describe('Matrix products in bfloat16'),
  tf32: z
    .boolean()
    .default(false)
    .describe('Let a GPU round the factors of float32 products to TF32 (10 bits of mantissa)'),
  port: whole.max(65_535).default(0).describe('TCP port of the coordinator; 0 takes a free one'),

  // Output of the command
  json: z.boolean().default(false).describe('Machine-readable output: one JSON object per line'),
  runName: text.optional().describe('Name of the run in summaries. Default: name of output_dir'),
});

/** What a user writes: every defaulted key may be missing. */
export type RunConfig = z.input<typeof runConfigSchema>;
/** The same after parsing, defaults filled in. */
export type ParsedConfig = z.output<typeof runConfigSchema>;

/** Complete and checked; travels to the workers and into config.resolved.yaml. */
export const resolvedConfigSchema = z.strictObject({
  ...runConfigSchema.shape,
  trainFile: z.array(z.string()),
  validationFile: z.array(z.string()).optional(),
  columnNames: z.array(z.string()).optional(),
  textColumnNames: z.array(z.string()).optional(),
  ...resolvedMethodOptions,
  maxSeqLength: positive,
  trainBatchSize: positive,
  dataSeed: whole,
  workers: positive,
  /** `cpu`, or the cards by name. */
  devices: z.array(z.string()).min(1),
  threadsPerWorker: positive,
  engine: z.enum(engineNames),
  resumeFromCheckpoint: z.string().optional(),
  runName: z.string(),
});
export type ResolvedConfig = z.output<typeof resolvedConfigSchema>;

/** `trainBatchSize` -> `train_batch_size`: the name of a key in files and flags. */
export function optionName(key: string): string {
  return key.replace(/[A-Z]|\d+/g, (part, at: number) =>
    /\d/.test(part) || at === 0 ? part : `_${part.toLowerCase()}`,
  );
}

/**
 * Options HuggingFace has and Microtune refuses, with the reason; the CLI and config files use the same table.
 */
export const refusedOptions: Readonly<Record<string, string>> = {
  // Numbers
  fp16: 'CPUs have no float16 products; use --bf16',
  fp16_full_eval: 'CPUs have no float16 products; use --bf16',
  bf16_full_eval: 'training and evaluation use the same graph; --bf16 covers both',
  gradient_checkpointing:
    'a shard is small enough to keep its activations; lower --micro_batch_tokens instead',
  gradient_checkpointing_kwargs:
    'a shard is small enough to keep its activations; lower --micro_batch_tokens instead',
  average_tokens_across_devices: 'the loss is always exact over the global batch',
  full_determinism: 'runs are always deterministic, to the last bit',
  auto_find_batch_size: 'set --micro_batch_tokens; the batch itself never changes',
  torch_compile: 'the graph is always compiled',
  torch_compile_backend: 'the graph is always compiled; choose with --engine',
  torch_compile_mode: 'the graph is always compiled; choose with --engine',
  use_liger_kernel: 'the graph is always compiled',
  // Optimizer
  optim: 'AdamW (adamw_torch) is the one optimizer',
  optim_args:
    'AdamW (adamw_torch) is the one optimizer; set --adam_beta1, --adam_beta2, --adam_epsilon',
  adafactor: 'AdamW (adamw_torch) is the one optimizer',
  neftune_noise_alpha: 'noise on embeddings is not supported',
  // Machines
  deepspeed: 'gradients are all-reduced between Microtune workers',
  fsdp: 'every worker holds the whole state',
  fsdp_config: 'every worker holds the whole state',
  accelerator_config: 'Microtune launches its own workers: use --workers',
  parallelism_config: 'every worker holds the whole state: use --workers',
  ddp_backend: 'the all-reduce runs over ZeroMQ',
  ddp_timeout: 'a lost worker is seen by its connection, not by a timeout',
  ddp_bucket_cap_mb: 'the all-reduce cuts gradients into frames itself',
  ddp_find_unused_parameters: 'the traced graph knows what is used',
  ddp_broadcast_buffers: 'BERT has no buffers that change',
  use_cpu: 'use --devices cpu',
  no_cuda: 'use --devices cpu',
  local_rank: 'ranks are given by the coordinator',
  // Data
  group_by_length: 'shards are always cut from the batch sorted by length',
  length_column_name: 'lengths are those of the tokens',
  train_sampling_strategy: 'each epoch is a permutation of the rows from --data_seed',
  pad_to_max_length: 'rows are padded to their shard, never to the maximum',
  dataloader_num_workers: 'data is tokenized once and cached',
  dataloader_pin_memory: 'data is tokenized once and cached',
  dataloader_persistent_workers: 'data is tokenized once and cached',
  dataloader_prefetch_factor: 'batches are planned ahead anyway',
  dataloader_drop_last: 'the last short batch is always trained, with the exact loss',
  ignore_data_skip:
    'a resumed run continues with exactly the rows that follow; nothing is skipped over',
  remove_unused_columns: 'only the text and label columns are read',
  label_names: 'use --label_column_name',
  overwrite_cache: 'the cache is keyed by content and never stale',
  task_name: 'give files: --train_file and --validation_file',
  dataset_name: 'give files: --train_file and --validation_file',
  dataset_config_name: 'give files: --train_file and --validation_file',
  test_file: 'run microtune eval <run_folder> --file FILE after training',
  max_predict_samples: 'run microtune predict on the lines wanted',
  per_gpu_train_batch_size: 'use --per_device_train_batch_size or --train_batch_size',
  per_gpu_eval_batch_size: 'evaluation batches are cut by tokens',
  // Model
  config_name:
    'the configuration is read from --model_name_or_path, whose weights --from_scratch leaves out',
  tokenizer_name: 'the tokenizer is read from --model_name_or_path',
  use_fast_tokenizer: 'the tokenizer is always the fast one (tokenizer.json)',
  trust_remote_code: 'no code is ever loaded from a model',
  ignore_mismatched_sizes: 'a tensor of the wrong shape is an error; a missing head is created',
  // Output, logging, evaluation, saving
  do_train: 'train always trains; use microtune eval or predict for the rest',
  do_eval: 'evaluation happens where evaluation data is given; see --eval_strategy',
  do_predict: 'run microtune predict <run_folder> after training',
  evaluation_strategy: 'it is called --eval_strategy',
  eval_delay: 'evaluations follow --eval_strategy from the start',
  eval_accumulation_steps: 'logits never pile up on a device',
  prediction_loss_only: 'metrics cost next to nothing here',
  batch_eval_metrics: 'metrics are computed over all rows at once',
  logging_dir: 'metrics are in metrics.jsonl of the run folder',
  logging_strategy: 'use --logging_steps',
  logging_nan_inf_filter: 'a loss that is not finite stops the run',
  log_level: 'logs of each process are in the folder logs of the run',
  disable_tqdm: 'the progress line appears on terminals alone; --json turns it off',
  report_to: 'metrics are in metrics.jsonl of the run folder',
  save_safetensors: 'safetensors is the only format',
  save_only_model: 'checkpoints are for resuming; the final model is saved alone in output_dir',
  save_on_each_node: 'only rank 0 writes',
  push_to_hub: 'nothing is uploaded; the run folder is in HuggingFace layout',
  hub_model_id: 'nothing is uploaded; the run folder is in HuggingFace layout',
  hub_strategy: 'nothing is uploaded; the run folder is in HuggingFace layout',
  hub_token: 'nothing is uploaded; the run folder is in HuggingFace layout',
};

/** @throws MicrotuneError `usage` for the first field that does not fit, named as the user wrote it. */
export function parseRunConfig(input: unknown): ParsedConfig {
  const result = runConfigSchema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const key = issue === undefined ? '' : optionName(String(issue.path[0] ?? ''));
  throw new MicrotuneError('usage', `${key}: ${issue?.message ?? 'not valid'}`);
}

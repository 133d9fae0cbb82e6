/** The options of each command but `train` and `check`, whose options are the keys of `runConfigSchema`. */
import {
  deviceListSchema,
  engineChoices,
  engineNames,
  languageOptions,
  runConfigSchema,
} from '@microtune/shared';
import { z } from 'zod';

const positive = z.number().int().positive();
const names = z.array(z.string()).optional();
const json = z.boolean().default(false).describe('Machine-readable output');

const dataOptions = {
  columnNames: names.describe('Names of the columns of a csv or tsv file without a header line'),
  textColumnNames: names.describe(
    'Columns of the text, or of the two texts of a pair. Default: as in training',
  ),
};
const base = z
  .string()
  .optional()
  .describe(
    "Folder of an adapter's base model. Default: as adapter_config.json says, seen from here, from the adapter, or from above it",
  );
const engineOptions = {
  maxSeqLength: positive
    .optional()
    .describe('Tokens per row after truncation. Default: as in training'),
  engine: z.enum(engineChoices).default('auto').describe('What runs the graph'),
  devices: deviceListSchema.optional().meta({
    description:
      'cpu, cuda (the first card) or a card such as cuda:1. Default: a card where a GPU and an engine for it are set up, else cpu',
    once: true,
  }),
  threads: positive.optional().describe('Engine threads. Default: all cores'),
  bf16: z.boolean().default(false).describe('Matrix products in bfloat16'),
  tf32: z
    .boolean()
    .default(false)
    .describe('Let a GPU round the factors of float32 products to TF32 (10 bits of mantissa)'),
};

const task = runConfigSchema.shape.task.describe(
  'causal-lm: take the folder for a language model. Default: as its config.json says',
);

export const evalOptions = z.strictObject({
  file: z
    .array(z.string())
    .min(1)
    .describe('File or files: .csv, .tsv, .jsonl, .json (lines or one array), .parquet'),
  task,
  ...dataOptions,
  ...languageOptions,
  labelColumnName: z.string().optional().describe('Column of the label. Default: as in training'),
  maxSamples: positive.optional().describe('Use only the first rows'),
  base,
  ...engineOptions,
  json,
});

/** Of what language models say; ranges are checked where texts are made, for the API alike. */
export const generationOptions = {
  maxNewTokens: z
    .number()
    .optional()
    .describe('Tokens of an answer at most. Default: 256, or what the model has positions for'),
  temperature: z
    .number()
    .optional()
    .describe("0 takes the likeliest token, always; 1 draws. Default: as the model's folder says"),
  topK: z.number().optional().describe('Draw from so many of the likeliest tokens; 0: all'),
  topP: z
    .number()
    .optional()
    .describe('Draw from the likeliest tokens that together have this probability'),
  repetitionPenalty: z
    .number()
    .optional()
    .describe('Above 1: tokens that were there before get less likely'),
  seed: z.number().default(0).describe('Of the draws: the same prompt has the same answer'),
  stop: z.array(z.string()).optional().meta({
    description: 'A text that ends an answer; again for a further one',
    whole: true,
  }),
  asChat: z
    .boolean()
    .optional()
    .describe(
      "A prompt becomes a user's turn, by the chat template. Default: as the model was trained; of a model that no run made, where it has one",
    ),
};

export const predictOptions = z.strictObject({
  prompt: z.string().optional().describe('Of a language model: continue or answer this text'),
  file: z
    .string()
    .optional()
    .describe(
      'File to classify, or of prompts: .jsonl, .json (lines or one array), .csv, .tsv, .parquet, .txt (a text per line). Default: JSON lines from standard input',
    ),
  ...dataOptions,
  task,
  promptColumn: languageOptions.promptColumn.describe(
    'Column of prompts. Default: as in training, prompt or text',
  ),
  messagesColumn: languageOptions.messagesColumn.describe(
    'Column of conversations. Default: as in training, messages or conversations',
  ),
  ...generationOptions,
  batchSize: positive
    .optional()
    .describe('Lines computed together, at most. Default: 2048 to classify, 8 to be answered'),
  base,
  ...engineOptions,
  json: json.describe('An error as a JSON line, too, as the answers always are'),
});

export const chatOptions = z.strictObject({
  system: z.string().optional().describe('What the model is told before the conversation'),
  maxNewTokens: generationOptions.maxNewTokens,
  temperature: generationOptions.temperature,
  topK: generationOptions.topK,
  topP: generationOptions.topP,
  repetitionPenalty: generationOptions.repetitionPenalty,
  seed: generationOptions.seed,
  stop: generationOptions.stop,
  base,
  ...engineOptions,
});

export const exportOptions = z.strictObject({
  to: z.string().describe('Folder to write: new or empty'),
  merge: z
    .boolean()
    .default(false)
    .describe('Write the base model with the adapter in it, in the type that the base model has'),
  base,
  json,
});

export const dataOptionsSchema = z.strictObject({
  model: z.string().describe('Model folder: tokenizer, chat template, config.json'),
  columnNames: dataOptions.columnNames,
  textColumnNames: names.describe('Column of documents. Default: text'),
  promptColumn: z.string().optional().describe('Column of prompts. Default: prompt'),
  completionColumn: z.string().optional().describe('Column of completions. Default: completion'),
  messagesColumn: z
    .string()
    .optional()
    .describe('Column of conversations. Default: messages or conversations'),
  asChat: z
    .boolean()
    .default(false)
    .describe('Make a conversation of each prompt and completion, by the chat template'),
  chatTemplate: z.string().optional().describe("Template file in place of the model folder's"),
  lossOn: z
    .enum(['completion', 'all'])
    .optional()
    .describe('What is learned. Default: completions and assistant turns; documents whole'),
  maxSeqLength: positive.default(1024).describe('Tokens of a sample at most'),
  longRows: z
    .enum(['cut', 'drop'])
    .default('cut')
    .describe('What happens to longer rows; documents go on in further samples'),
  samples: z.number().int().nonnegative().default(3).describe('Samples to show'),
  json,
});

export const benchOptions = z.strictObject({
  engines: z
    .array(z.enum([...engineNames, 'all']))
    .default(['all'])
    .describe('Engines to measure: all (that load), or some of them'),
  engine: z.enum(engineNames).optional().describe('Only this engine'),
  bf16: z
    .boolean()
    .optional()
    .describe('Only bfloat16 (true) or only float32 (false). Default: both, where they run'),
  rows: positive.max(65_536).optional().describe('Rows of a step. Default: 8, for scaling 32'),
  // [CLS], a word, [SEP]; and as many as the benchmark's model has positions.
  tokens: positive.min(3).max(512).default(128).describe('Tokens per row'),
  threads: positive
    .optional()
    .describe('Engine threads. Default: all cores (engine, train), 1 (scaling)'),
  repeats: positive.default(10).describe('Measured repetitions, after warm-up'),
  layers: positive.max(256).default(6).describe('Layers of the model'),
  hiddenSize: positive
    .max(16_384)
    .default(384)
    .describe('Width of the model: a multiple of 32, from 768 on of 64'),
  json,
});

export const workerOptions = z.strictObject({
  coordinator: z.string().describe('Address of the coordinator, e.g. tcp://127.0.0.1:34567'),
  rank: z.number().int().nonnegative().describe('Rank of this worker'),
  runId: z.string().describe('Name of the run on the wire'),
  cacheFolder: z.string().optional().describe('Folder of tokenized data and engine libraries'),
});

export const measureEngineOptions = z.strictObject({
  name: z.enum(engineNames),
  precision: z.enum(['f32', 'bf16']),
  platform: z.enum(['cpu', 'cuda']),
  products: z.enum(['f32', 'bf16', 'bf16 short sums', 'bf16 factors']),
  threads: positive,
  cacheFolder: z.string(),
});

export const findEngineOptions = z.strictObject({
  name: z.enum(engineNames).describe('Engine to load'),
  platform: z.enum(['cpu', 'cuda']).describe('What it shall compute on'),
  cacheFolder: z.string().describe('Folder of engine libraries'),
});

export const doctorOptions = z.strictObject({ json });
export const setupOptions = z.strictObject({
  cuda: z
    .boolean()
    .default(false)
    .describe('For NVIDIA GPUs: the libraries for CUDA, as far as the system lacks them'),
  from: z
    .string()
    .optional()
    .describe(
      "Use what is in this folder and fetch nothing: site-packages of a Python that has JAX's plugin (xla) or TensorFlow, or the folder of tfjs-node-gpu where its own installer ran (tensorflow)",
    ),
  force: z.boolean().default(false).describe('Fetch again what is already there'),
  json,
});

export const benchPeerOptions = z.strictObject({});

/** All commands. Options and code of a command are loaded when it runs. */
import { benchKinds } from './bench/bench-kinds.js';
import type { CommandSpec } from './command.js';

const configFile = {
  syntax: '[config]',
  description: 'config.yaml, config.json, config.ts or config.js',
};
const runFolder = {
  syntax: '<run_folder>',
  description: 'Output folder of a run, or any folder in its layout',
};

/** In the order `microtune --help` lists them. */
export const commandList: readonly CommandSpec[] = [
  {
    name: 'train',
    summary: 'Fine-tune a model with workers on this machine, evaluate and save it',
    positional: configFile,
    schema: async () => (await import('@microtune/shared')).runConfigSchema,
    load: () => import('./commands/train.js'),
  },
  {
    name: 'check',
    summary:
      'What train would do, without training: configuration, model folder, data files, engine',
    positional: configFile,
    schema: async () => (await import('@microtune/shared')).runConfigSchema,
    load: () => import('./commands/check.js'),
  },
  {
    name: 'eval',
    summary: 'Metrics of a trained model on a labelled file; of a language model, its loss',
    positional: runFolder,
    schema: async () => (await import('./command-options.js')).evalOptions,
    load: () => import('./commands/eval.js'),
  },
  {
    name: 'predict',
    summary:
      'Predictions of a trained model: lines in, JSON lines out; of a language model, answers',
    positional: runFolder,
    schema: async () => (await import('./command-options.js')).predictOptions,
    load: () => import('./commands/predict.js'),
  },
  {
    name: 'export',
    summary:
      'The model of a run as a folder for transformers or PEFT; adapters as they are, or merged',
    positional: runFolder,
    schema: async () => (await import('./command-options.js')).exportOptions,
    load: () => import('./commands/export.js'),
  },
  {
    name: 'chat',
    summary: 'A conversation with a language model in the terminal',
    positional: runFolder,
    schema: async () => (await import('./command-options.js')).chatOptions,
    load: () => import('./commands/chat.js'),
  },
  {
    name: 'data',
    summary:
      'Look at data: inspect shows samples as a language model sees them, and what it learns',
    positional: { syntax: '<what>', description: 'inspect', choices: ['inspect'] },
    operands: {
      syntax: '<files...>',
      description: '.jsonl, .json (lines or one array), .csv, .tsv, .parquet',
    },
    schema: async () => (await import('./command-options.js')).dataOptionsSchema,
    load: () => import('./commands/data.js'),
  },
  {
    name: 'bench',
    summary: 'Measure this machine: engine, train, scaling or allreduce',
    positional: { syntax: '<what>', description: benchKinds.join(', '), choices: benchKinds },
    schema: async () => (await import('./command-options.js')).benchOptions,
    load: () => import('./commands/bench.js'),
  },
  {
    name: 'doctor',
    summary: 'What this machine has, and which engines load',
    schema: async () => (await import('./command-options.js')).doctorOptions,
    load: () => import('./commands/doctor.js'),
  },
  {
    name: 'setup',
    summary: 'Fetch the libraries of an engine: openvino, tensorflow or xla',
    positional: {
      syntax: '<engine>',
      description: 'openvino, tensorflow or xla',
      choices: ['openvino', 'tensorflow', 'xla'],
    },
    schema: async () => (await import('./command-options.js')).setupOptions,
    load: () => import('./commands/setup.js'),
  },
  {
    name: 'worker',
    summary: 'One worker process; started by train',
    schema: async () => (await import('./command-options.js')).workerOptions,
    load: () => import('./commands/worker.js'),
    hidden: true,
  },
  {
    name: 'find-engine',
    summary: 'Whether one engine loads; started by doctor',
    schema: async () => (await import('./command-options.js')).findEngineOptions,
    load: () => import('./commands/find-engine.js'),
    hidden: true,
  },
  {
    name: 'measure-engine',
    summary: 'The bits of one engine with one number of threads; started by train and check',
    schema: async () => (await import('./command-options.js')).measureEngineOptions,
    load: () => import('./commands/measure-engine.js'),
    hidden: true,
  },
  {
    name: 'bench-peer',
    summary: 'The second process of bench allreduce; started by it',
    schema: async () => (await import('./command-options.js')).benchPeerOptions,
    load: () => import('./commands/bench-peer.js'),
    hidden: true,
  },
];

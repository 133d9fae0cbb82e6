import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { modelAndData, onnx, type BadCase } from './bad-case.js';
import { checkCases } from './check-cases.js';

const table: BadCase[] = [
  {
    name: 'doctor of something',
    argv: ['doctor', 'onnx'],
    code: 64,
    message: /too many arguments/,
  },
  {
    name: 'doctor with an option of train',
    argv: ['doctor', '--workers', '2'],
    code: 64,
    message: /unknown option --workers; see microtune doctor --help/,
  },
  {
    name: 'doctor --json of a word',
    argv: ['doctor', '--json', 'maybe'],
    code: 64,
    message: /--json expects true or false, got 'maybe'/,
  },
  {
    name: 'setup of nothing',
    argv: ['setup'],
    code: 64,
    message: /missing required argument 'engine'/,
  },
  {
    name: 'setup of an engine that needs none',
    argv: ['setup', 'onnx'],
    code: 64,
    message: /onnx comes with npm/,
  },
  {
    name: 'setup of an engine that is none',
    argv: ['setup', 'openvno'],
    code: 64,
    message: /openvino/,
  },
  {
    name: 'setup of two engines',
    argv: ['setup', 'openvino', 'xla'],
    code: 64,
    message: /too many arguments/,
  },
  {
    name: 'setup of OpenVINO for a card',
    argv: ['setup', 'openvino', '--cuda'],
    code: 64,
    message: /OpenVINO is for CPUs/,
  },
  {
    name: 'setup of OpenVINO from a folder',
    argv: ['setup', 'openvino', '--from', 'model'],
    code: 64,
    message: /--from is for tensorflow and xla/,
  },
  {
    name: 'setup of xla from nowhere',
    argv: ['setup', 'xla', '--from', 'nowhere'],
    code: 64,
    message: /nowhere/,
  },
  {
    name: 'setup of xla from a folder of something else',
    argv: ['setup', 'xla', '--from', 'model'],
    code: 64,
    message: /model/,
  },
  {
    name: 'setup of tensorflow from nowhere',
    argv: ['setup', 'tensorflow', '--from', 'nowhere'],
    code: 64,
    message: /nowhere/,
  },
  {
    name: 'setup of tensorflow from a folder of something else',
    argv: ['setup', 'tensorflow', '--from', 'model'],
    code: 64,
    message: /model/,
  },
  {
    name: 'bench of nothing',
    argv: ['bench'],
    code: 64,
    message: /missing required argument 'what'/,
  },
  {
    name: 'bench of something unknown',
    argv: ['bench', 'engin'],
    code: 64,
    message: /unknown benchmark engin; did you mean engine\?/,
  },
  { name: 'bench of an empty word', argv: ['bench', ''], code: 64, message: /unknown benchmark/ },
  {
    name: 'bench of two things',
    argv: ['bench', 'engine', 'train'],
    code: 64,
    message: /too many arguments/,
  },
  {
    name: 'bench of an engine that is none',
    argv: ['bench', 'engine', '--engine', 'onxx'],
    code: 64,
    message: /engine.*onnx/,
  },
  {
    name: 'bench of no rows',
    argv: ['bench', 'engine', '--rows', '0'],
    code: 64,
    message: /rows.*>0/,
  },
  {
    name: 'bench of half a row',
    argv: ['bench', 'engine', '--rows', '0.5'],
    code: 64,
    message: /rows.*int/,
  },
  ...['engine', 'train', 'scaling'].map((what) => ({
    name: `bench ${what} of more tokens than its model takes`,
    argv: ['bench', what, '--tokens', '999999', ...onnx],
    code: 64,
    message: /tokens.*512/,
  })),
  {
    name: 'bench of too few tokens',
    argv: ['bench', 'train', '--tokens', '2', ...onnx],
    code: 64,
    message: /tokens/,
  },
  {
    name: 'bench of a width that its heads do not divide',
    argv: ['bench', 'engine', '--hidden_size', '100', ...onnx],
    code: 64,
    message: /hidden_size/,
  },
  {
    name: 'bench of a width larger than any machine',
    argv: ['bench', 'train', '--hidden_size', '9999999', ...onnx],
    code: 64,
    message: /hidden_size|memory/,
  },
  {
    name: 'bench of no repeats',
    argv: ['bench', 'allreduce', '--repeats', '0'],
    code: 64,
    message: /repeats.*>0/,
  },
  {
    name: 'bench of bf16 where it does not run',
    argv: ['bench', 'engine', '--bf16', 'true', ...onnx],
    code: 64,
    message: /nothing to measure.*bf16/,
  },
  {
    name: 'a worker without a coordinator',
    argv: ['worker'],
    code: 64,
    message: /missing: --coordinator/,
  },
  {
    name: 'a worker of a negative rank',
    argv: ['worker', '--coordinator', 'tcp://127.0.0.1:9', '--rank', '-1', '--run_id', 'x'],
    code: 64,
    message: /rank.*>=0/,
  },
  {
    name: 'a worker of an address that is none',
    argv: ['worker', '--coordinator', 'nowhere', '--rank', '0', '--run_id', 'x'],
    code: 64,
    message: /nowhere.*address of a coordinator/,
    asProcess: true,
  },
  { name: 'find-engine of nothing', argv: ['find-engine'], code: 64, message: /missing: --name/ },
];

/** The same answers from the real process: a sample of each kind. */
const asProcess: BadCase[] = [
  {
    name: 'no command that exists',
    argv: ['trian'],
    code: 64,
    message: /^error: unknown command trian; did you mean train\?\n$/,
  },
  {
    name: 'an option that does not exist',
    argv: ['train', '--learning_rat', '1'],
    code: 64,
    message: /did you mean --learning_rate/,
  },
  {
    name: 'a model that does not exist',
    argv: ['train', '--model_name_or_path', 'nowhere', '--train_file', 'train.tsv'],
    code: 64,
    message: /folder nowhere does not exist/,
  },
  {
    name: 'a data file that does not exist',
    argv: ['train', '--model_name_or_path', 'model', '--train_file', 'nowhere.tsv', ...onnx],
    code: 65,
    message: /nowhere\.tsv/,
  },
  {
    name: 'a metric that does not exist',
    argv: ['train', ...modelAndData, ...onnx, '--metric_for_best_model', 'bleu'],
    code: 64,
    message: /bleu.*accuracy/,
  },
  {
    name: 'two workers and a broken model',
    argv: ['train', ...modelAndData, ...onnx, '--workers', '2'],
    code: 65,
    message: /model\.safetensors/,
    prepare: (folder: string) => writeFileSync(join(folder, 'model/model.safetensors'), 'abc'),
  },
  { name: 'a folder for a config', argv: ['check', 'model'], code: 64, message: /model/ },
  {
    name: 'a cache that cannot be made',
    argv: ['setup', 'openvino'],
    code: 64,
    message: /cannot write to \/proc\/cache.*MICROTUNE_CACHE/,
    variables: { MICROTUNE_CACHE: '/proc/cache' },
  },
  {
    name: 'no home and a name for the cache that is a file',
    argv: ['setup', 'xla'],
    code: 64,
    message: /train\.tsv/,
    variables: { MICROTUNE_CACHE: 'train.tsv' },
  },
  {
    name: 'predict of a model that does not exist, with input waiting',
    argv: ['predict', 'nowhere'],
    code: 64,
    message: /run folder nowhere does not exist/,
    stdin: '{"text":"a"}\n'.repeat(20_000),
  },
].map((bad) => ({ ...bad, name: `${bad.name} (process)`, asProcess: true }));

checkCases('other commands', table);
checkCases('processes', asProcess);

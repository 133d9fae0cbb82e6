import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bothWays, modelAndData, onnx, rootSees, type BadCase } from './bad-case.js';
import { checkCases } from './check-cases.js';

const into = (folder: string, ...more: string[]): string[] => [
  ...modelAndData,
  ...onnx,
  '--output_dir',
  folder,
  ...more,
];
/** The options that the run in the scene was made with, but for those given. */
const resumed = (from: string, ...more: string[]): string[] => [
  ...into('run', '--max_seq_length', '32', '--micro_batch_tokens', '32', '--learning_rate', '1e-3'),
  '--max_steps',
  '4',
  ...more,
  '--resume_from_checkpoint',
  from,
];
const write = (folder: string, path: string, content: string | Uint8Array): void => {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), content);
};
const readState = (folder: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(folder, 'run/checkpoint-1/trainer_state.json'), 'utf8')) as Record<
    string,
    unknown
  >;

const outputFolders: BadCase[] = bothWays([
  {
    name: 'a file',
    args: into('train.tsv'),
    code: 64,
    message: /output_dir: train\.tsv cannot be written.*not a folder/,
  },
  {
    name: 'below a file',
    args: into('train.tsv/run'),
    code: 64,
    message: /output_dir.*train\.tsv is not a folder/,
  },
  {
    name: 'a link to nowhere',
    args: into('link'),
    code: 64,
    message: /output_dir: link/,
    prepare: (folder) => symlinkSync('nowhere', join(folder, 'link')),
  },
  {
    name: 'a loop of links',
    args: into('a/run'),
    code: 64,
    message: /output_dir: a\/run/,
    prepare: (folder) => symlinkSync('a', join(folder, 'a')),
  },
  { name: '/dev/null', args: into('/dev/null'), code: 64, message: /output_dir: \/dev\/null/ },
  { name: '/proc', args: into('/proc/run'), code: 64, message: /output_dir: \/proc\/run/ },
  {
    name: 'a name longer than a disk takes',
    args: into('x'.repeat(300)),
    code: 64,
    message: /output_dir/,
  },
  { name: 'a NUL in the name', args: into('a\0b'), code: 64, message: /output_dir/ },
  {
    name: 'a folder that may not be written',
    args: into('closed/run'),
    code: 64,
    message: /output_dir/,
    prepare: (folder) => void mkdirSync(join(folder, 'closed'), { mode: 0o555 }),
    skip: rootSees,
  },
  { name: 'the model folder', args: into('model'), code: 64, message: /output_dir.*model/ },
  {
    name: 'the model folder in other words',
    args: into('./run/../model/'),
    code: 64,
    message: /output_dir.*model/,
  },
  {
    name: 'the model folder through a link',
    args: into('link'),
    code: 64,
    message: /output_dir.*(model|link)/,
    prepare: (folder) => symlinkSync('model', join(folder, 'link')),
  },
  { name: 'another model folder', args: into('bare'), code: 64, message: /output_dir.*bare/ },
  {
    name: 'another model folder, with permission to overwrite a run',
    args: into('bare', '--overwrite_output_dir'),
    code: 64,
    message: /output_dir.*bare/,
  },
  { name: 'the folder with the data', args: into('.'), code: 64, message: /output_dir/ },
  {
    name: 'a project with a config.json',
    args: into('project'),
    code: 64,
    message: /output_dir.*project/,
    prepare: (folder) => write(folder, 'project/config.json', '{"mine":1}'),
  },
  {
    name: 'a folder with a file of somebody',
    args: into('mine'),
    code: 64,
    message: /output_dir.*mine/,
    prepare: (folder) => write(folder, 'mine/thesis.docx', 'years'),
  },
  {
    name: 'a finished run',
    args: into('run'),
    code: 64,
    message: [/output_dir: run holds a finished run/, /--overwrite_output_dir/],
  },
  {
    name: 'a run that was interrupted',
    args: into('run'),
    code: 64,
    message: [/--resume_from_checkpoint true/, /--overwrite_output_dir/],
    prepare: (folder) => rmSync(join(folder, 'run/summary.json')),
  },
  {
    name: 'overwriting a run with a data file that is not there',
    args: [...into('run', '--overwrite_output_dir'), '--validation_file', 'nowhere.tsv'],
    code: 65,
    message: /nowhere\.tsv/,
  },
  {
    name: 'overwriting a run with a model that is not there',
    args: [...into('run', '--overwrite_output_dir'), '--model_name_or_path', 'nowhere'],
    code: 64,
    message: /folder nowhere does not exist/,
  },
  {
    name: 'overwriting the run that holds the model',
    args: [...into('run', '--overwrite_output_dir'), '--model_name_or_path', 'run'],
    code: 64,
    message: /output_dir/,
  },
  {
    name: 'overwriting the run that holds the checkpoint to start from',
    args: [...into('run', '--overwrite_output_dir'), '--model_name_or_path', 'run/checkpoint-1'],
    code: 64,
    message: /output_dir/,
  },
  {
    name: 'overwriting the run that holds the data',
    args: [...into('run', '--overwrite_output_dir'), '--train_file', 'run/checkpoint-1/train.tsv'],
    code: 64,
    message: /output_dir/,
    prepare: (folder) =>
      write(folder, 'run/checkpoint-1/train.tsv', readFileSync(join(folder, 'train.tsv'))),
  },
]);

/** What only the workers read. */
const readByWorkers = new Set([
  'weights that are cut short (check)',
  'no optimizer (check)',
  'an optimizer that is cut short (check)',
  'a checkpoint of another model with the same tensors (check)',
]);

const checkpoints: BadCase[] = bothWays([
  {
    name: 'the newest of no run',
    args: [...into('new'), '--resume_from_checkpoint', 'true'],
    code: 64,
    message: /new holds no checkpoint/,
  },
  {
    name: 'a folder that is not there',
    args: resumed('run/checkpoint-9'),
    code: 64,
    message: [/checkpoint-9/, /run\/checkpoint-2/],
  },
  { name: 'a file', args: resumed('train.tsv'), code: 65, message: /train\.tsv/ },
  {
    name: 'a run instead of its checkpoint',
    args: resumed('run'),
    code: 65,
    message: /run.*checkpoint/,
  },
  { name: 'a model folder', args: resumed('model'), code: 65, message: /model/ },
  {
    name: 'a state that is cut short',
    args: resumed('run/checkpoint-2'),
    code: 65,
    message: [/checkpoint-2/, /run\/checkpoint-1/],
    prepare: (folder) => write(folder, 'run/checkpoint-2/trainer_state.json', '{"epoch": 0.'),
  },
  {
    name: 'a state of zero bytes',
    args: resumed('run/checkpoint-2'),
    code: 65,
    message: /checkpoint-2/,
    prepare: (folder) => write(folder, 'run/checkpoint-2/trainer_state.json', ''),
  },
  {
    name: 'a state of the Trainer of HuggingFace',
    args: resumed('run/checkpoint-2'),
    code: 65,
    message: [/checkpoint-2/, /Microtune/],
    prepare: (folder) =>
      write(
        folder,
        'run/checkpoint-2/trainer_state.json',
        '{"epoch": 1, "global_step": 2, "max_steps": 4}',
      ),
  },
  {
    name: 'a state whose numbers are words',
    args: resumed('run/checkpoint-1'),
    code: 65,
    message: [/global_step/],
    prepare: (folder) =>
      write(
        folder,
        'run/checkpoint-1/trainer_state.json',
        JSON.stringify({ ...readState(folder), global_step: 'one' }),
      ),
  },
  {
    name: 'weights that are cut short',
    args: resumed('run/checkpoint-2'),
    code: 65,
    message: [/checkpoint-2\/model\.safetensors/, /run\/checkpoint-1/],
    prepare: (folder) =>
      write(
        folder,
        'run/checkpoint-2/model.safetensors',
        readFileSync(join(folder, 'run/checkpoint-2/model.safetensors')).subarray(0, 5000),
      ),
  },
  {
    name: 'no optimizer',
    args: resumed('run/checkpoint-2'),
    code: 65,
    message: /checkpoint-2\/optimizer/,
    prepare: (folder) => rmSync(join(folder, 'run/checkpoint-2/optimizer.safetensors')),
  },
  {
    name: 'an optimizer that is cut short',
    args: resumed('run/checkpoint-2'),
    code: 65,
    message: /checkpoint-2\/optimizer/,
    prepare: (folder) => write(folder, 'run/checkpoint-2/optimizer.safetensors', 'abc'),
  },
  {
    name: 'a step beyond the run',
    args: resumed('run/checkpoint-2', '--max_steps', '1'),
    code: 64,
    message: [/step 2/, /max_steps/],
  },
  {
    name: 'another batch',
    args: resumed('run/checkpoint-1', '--train_batch_size', '4'),
    code: 64,
    message: /train_batch_size 8, this run has 4/,
  },
  {
    name: 'another seed',
    args: resumed('run/checkpoint-1', '--seed', '7'),
    code: 64,
    message: /seed 42, this run has 7/,
  },
  {
    name: 'other data',
    args: resumed('run/checkpoint-1', '--max_train_samples', '50'),
    code: 64,
    message: /other training rows/,
  },
  {
    name: 'other shards',
    args: resumed('run/checkpoint-1', '--micro_batch_tokens', '64'),
    code: 64,
    message: /micro_batch_tokens 32, this run has 64/,
  },
  {
    name: 'a checkpoint of another model with the same tensors',
    args: resumed('run/checkpoint-1', '--model_name_or_path', 'other'),
    code: 65,
    message: /checkpoint-1/,
    prepare: (folder) => {
      cpSync(join(folder, 'model'), join(folder, 'other'), { recursive: true });
      const file = join(folder, 'other/config.json');
      const config = JSON.parse(readFileSync(file, 'utf8')) as object;
      writeFileSync(file, JSON.stringify({ ...config, num_attention_heads: 4 }));
    },
  },
]);

checkCases('output folders', outputFolders);
/** A run that failed to go on says so in its own records. */
const records = /^changed: run\/(events\.jsonl|summary\.json|logs\/\S+)$|^new: run\/logs\/\S+$/;

checkCases(
  'checkpoints',
  checkpoints
    .filter(({ name }) => !readByWorkers.has(name))
    .map((bad) =>
      readByWorkers.has(bad.name.replace('(train)', '(check)'))
        ? { ...bad, mayWrite: records }
        : bad,
    ),
);

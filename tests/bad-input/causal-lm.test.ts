import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { makeTinyLanguageJob } from '../support/tiny-language-job.js';
import { bothWays, modelAndData, onnx, type BadCase, type BadRun } from './bad-case.js';
import { checkCases } from './check-cases.js';

const job = await makeTinyLanguageJob();
afterAll(() => job[Symbol.dispose]());

/** Puts a language model and its rows into the folder. */
const language = (folder: string): void => {
  cpSync(job.model, join(folder, 'language'), { recursive: true });
  cpSync(job.train, join(folder, 'rows.jsonl'));
};
const rows = ['--model_name_or_path', 'language', '--train_file', 'rows.jsonl', ...onnx];

const causal = (name: string, args: readonly string[], message: BadRun['message']): BadRun => ({
  name,
  args: [...rows, '--task', 'causal-lm', ...args],
  code: 64,
  message,
  prepare: language,
});

const runs: readonly BadRun[] = [
  {
    name: 'a BERT as a language model',
    args: [...modelAndData, ...onnx, '--task', 'causal-lm'],
    code: 64,
    message: [/task: causal-lm needs a model that reads from left to right/, /bert/, /gpt2, llama/],
  },
  {
    name: 'a task that is none',
    args: [...modelAndData, ...onnx, '--task', 'translation'],
    code: 64,
    message: [/task/, /sequence-classification.*causal-lm/],
  },
  causal(
    'a number of labels',
    ['--num_labels', '3'],
    /--num_labels belongs to labels, and --task causal-lm has none/,
  ),
  causal(
    'a label column',
    ['--label_column_name', 'class'],
    /--label_column_name belongs to labels/,
  ),
  {
    ...causal(
      'a prompt column that is not there',
      ['--prompt_column', 'ask'],
      [/rows\.jsonl/, /no column "ask"; the file has "prompt", "completion"/, /--prompt_column/],
    ),
    code: 65,
  },
  {
    name: 'rows that may have labels or not, without a word of the task',
    args: [...rows, ...onnx],
    code: 65,
    message: [/rows\.jsonl/, /"stars" beside "text" may be a label or not/, /--task causal-lm/],
    prepare: (folder) => {
      language(folder);
      writeFileSync(join(folder, 'rows.jsonl'), '{"text":"a film","stars":"4"}\n');
    },
  },
  {
    name: 'prompts and labels at once, without a word of the task',
    args: [...rows, '--as_chat', '--label_column_name', 'stars'],
    code: 64,
    message: /--label_column_name belongs to labels, --as_chat to --task causal-lm/,
    prepare: language,
  },
  causal(
    'text and prompts',
    ['--text_column_names', 'a', '--prompt_column', 'b'],
    /exclude each other/,
  ),
  causal(
    'a metric of labels',
    ['--metric_for_best_model', 'f1'],
    [/"f1"/, /loss, perplexity, accuracy/],
  ),
  {
    name: 'a prompt column with the other task',
    args: [...rows, '--task', 'sequence-classification', '--prompt_column', 'prompt'],
    code: 64,
    message: /--prompt_column belongs to --task causal-lm; --task is sequence-classification/,
    prepare: language,
  },
];

const answers: readonly BadCase[] = ['predict', 'eval'].map((command) => ({
  name: `${command} of a language model`,
  argv: [command, 'language', ...onnx, ...(command === 'eval' ? ['--file', 'rows.jsonl'] : [])],
  code: 64,
  message: [
    /language holds a language model: predict and eval .* do not take one yet/,
    /What works/,
  ],
  prepare: language,
}));

checkCases('a language model that cannot be trained', bothWays(runs));
checkCases('a language model that is asked for labels', answers);

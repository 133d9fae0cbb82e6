import { cpSync, rmSync, writeFileSync } from 'node:fs';
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

/** Without its chat template. */
const untalkative = (folder: string): void => {
  language(folder);
  rmSync(join(folder, 'language/chat_template.jinja'));
};

const asked = (
  name: string,
  args: readonly string[],
  message: BadCase['message'],
  own: Partial<BadCase> = {},
): BadCase => ({
  name,
  argv: ['predict', 'language', ...onnx, ...args],
  code: 64,
  message,
  prepare: language,
  ...own,
});

const answers: readonly BadCase[] = [
  asked('no prompt at all', [], /there is no prompt: give --prompt "…", --file, or JSON lines/),
  asked('an empty prompt', ['--prompt', ' '], /the prompt is empty/),
  asked('a prompt and a file', ['--prompt', 'a', '--file', 'rows.jsonl'], /exclude each other/),
  asked(
    'an answer past the positions of the model',
    ['--prompt', 'abc', '--as_chat', 'false', '--max_new_tokens', '100'],
    /3 tokens, and max_new_tokens is 100: the model has 64 positions; give --max_new_tokens 61/,
  ),
  asked(
    'a prompt past the positions of the model',
    ['--prompt', 'a'.repeat(80), '--as_chat', 'false'],
    /the prompt has 80 tokens, the model has 64 positions.*shorten the prompt/,
  ),
  asked(
    'a negative temperature',
    ['--prompt', 'a', '--temperature', '-1'],
    /temperature: expected at least 0, got -1/,
  ),
  ...['0', '1.5', '-0.1'].map((value) =>
    asked(
      `a top_p of ${value}`,
      ['--prompt', 'a', '--top_p', value],
      /top_p: expected above 0 and at most 1, got/,
    ),
  ),
  asked(
    'half a token',
    ['--prompt', 'a', '--max_new_tokens', '0.5'],
    /max_new_tokens: expected a whole number from 1 on, got 0.5/,
  ),
  asked(
    'a conversation without a chat template',
    ['--prompt', 'a', '--as_chat', 'true'],
    /language has no chat template.*--as_chat false/,
    { prepare: untalkative },
  ),
  asked(
    'lines of which none has a prompt',
    [],
    [/none of 2 lines has an answer/, /expected a column prompt, text or messages, found question/],
    { stdin: '{"question":"a"}\n{"question":"b"}\n', code: 65 },
  ),
  asked('a chat without a chat template', [], /language has no chat template/, {
    argv: ['chat', 'language', ...onnx],
    prepare: untalkative,
  }),
  asked(
    'labels of a language model',
    [],
    /--label_column_name has no meaning for a language model/,
    {
      argv: ['eval', 'language', ...onnx, '--file', 'rows.jsonl', '--label_column_name', 'label'],
    },
  ),
];

checkCases('a language model that cannot be trained', bothWays(runs));
checkCases('a language model that is asked for what it cannot do', answers);

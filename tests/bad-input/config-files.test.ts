import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bothWays, type BadCase } from './bad-case.js';
import { checkCases } from './check-cases.js';

const required = 'model_name_or_path: model\ntrain_file: train.tsv\n';

/** `check run.yaml` and `train run.yaml`, with this in the file. */
const file = (
  name: string,
  content: string | Uint8Array,
  message: BadCase['message'],
  as = 'run.yaml',
) => ({
  name,
  args: [as],
  code: 64,
  message,
  prepare: (folder: string) => writeFileSync(join(folder, as), content),
});
/** The same as YAML after the options that a run needs: line 3 is the first of `content`. */
const yaml = (name: string, content: string, message: BadCase['message']) =>
  file(name, required + content, message);

/** Nine levels of nine aliases: a billion values from a few lines. */
const bomb = Array.from({ length: 9 }, (_, level) => {
  const items = level === 0 ? 'lol' : `*a${level - 1}`;
  return `k${level}: &a${level} [${Array(9).fill(items).join(', ')}]`;
}).join('\n');

const table: BadCase[] = [
  ...bothWays([
    {
      name: 'no such file',
      args: ['nowhere.yaml'],
      code: 64,
      message: /config file nowhere\.yaml does not exist/,
    },
    { name: 'an empty name', args: [''], code: 64, message: /config file/ },
    {
      name: 'a folder',
      args: ['folder.yaml'],
      code: 64,
      message: /folder\.yaml.*folder/,
      prepare: (folder) => mkdirSync(join(folder, 'folder.yaml')),
    },
    {
      name: 'a link to nowhere',
      args: ['link.yaml'],
      code: 64,
      message: /link\.yaml/,
      prepare: (folder) => symlinkSync('nowhere', join(folder, 'link.yaml')),
    },
    file('a name that says nothing of the format', required, /must end in \.yaml/, 'run.txt'),
    file('an empty file', '', /missing: --model_name_or_path/),
    file(
      'a list at the top',
      '- model_name_or_path: model\n',
      /run\.yaml must hold keys and values/,
    ),
    file('a number at the top', '42\n', /run\.yaml must hold keys and values/),
    file(
      'bytes of a picture',
      Uint8Array.from({ length: 256 }, (_, n) => n),
      /run\.yaml/,
    ),
    file('UTF-16', Buffer.from(`\ufeff${required}`, 'utf16le'), /run\.yaml.*UTF-8/s),
    yaml('a tab for indentation', 'lr_scheduler_kwargs:\n\tnum_cycles: 2\n', /run\.yaml, line 4/),
    yaml('an unclosed list', 'workers: [1\n', /run\.yaml, line \d/),
    yaml('an unclosed quote', 'run_name: "a\n', /run\.yaml, line \d/),
    yaml('the same key twice', 'seed: 1\nseed: 2\n', [/run\.yaml, line 4/, /unique|twice/]),
    yaml('the same key in two spellings', 'maxSteps: 1\nmax_steps: 2\n', [
      /run\.yaml, line 4/,
      /max_steps.*twice/,
    ]),
    yaml('a bomb of aliases', bomb, /run\.yaml/),
    yaml('two documents', '---\nseed: 1\n', /run\.yaml/),
    yaml('a tag of Python', 'seed: !!python/object:os.system {}\n', [/run\.yaml/, /seed/]),
    yaml('a merge of nothing', '<<: *nothing\n', /run\.yaml.*nothing/),
    yaml('an unknown key', 'learning_rte: 1\n', [
      /run\.yaml, line 3/,
      /did you mean learning_rate\?/,
    ]),
    yaml('a refused key', 'fp16: true\n', [/run\.yaml, line 3/, /HuggingFace/]),
    yaml('a refused key with dashes', 'group-by-length: true\n', [
      /run\.yaml, line 3/,
      /HuggingFace/,
    ]),
    yaml('a word for a number', 'learning_rate: fast\n', [
      /learning_rate \(run\.yaml, line 3\)/,
      /number, got "fast"/,
    ]),
    yaml('a number in quotes', 'seed: "42"\n', [/seed \(run\.yaml, line 3\)/, /number/]),
    yaml('not a number', 'learning_rate: .nan\n', [/learning_rate \(run\.yaml, line 3\)/, /NaN/]),
    yaml('infinity', 'learning_rate: .inf\n', [/learning_rate \(run\.yaml, line 3\)/, /Infinity/]),
    yaml('a fraction of workers', 'workers: 1.5\n', [/workers \(run\.yaml, line 3\)/, /int/]),
    yaml('yes for true', 'bf16: yes\n', [/bf16 \(run\.yaml, line 3\)/, /boolean, got "yes"/]),
    yaml('a number for true', 'bf16: 1\n', [/bf16 \(run\.yaml, line 3\)/, /boolean/]),
    yaml('a number for a name', 'run_name: 7\n', [
      /run_name \(run\.yaml, line 3\)/,
      /string, got 7/,
    ]),
    yaml('a list for a number', 'seed: [1, 2]\n', [/seed \(run\.yaml, line 3\)/, /number/]),
    yaml('a mapping for a number', 'seed: {a: 1}\n', [/seed \(run\.yaml, line 3\)/, /number/]),
    yaml('a number among files', 'validation_file: [dev.tsv, 3]\n', [
      /validation_file.*\(run\.yaml, line 3\)/,
      /string/,
    ]),
    yaml('an empty list of files', 'validation_file: []\n', [
      /validation_file \(run\.yaml, line 3\)/,
      />=1|empty/,
    ]),
    yaml('an empty name of a folder', 'output_dir: ""\n', [
      /output_dir \(run\.yaml, line 3\)/,
      /empty/,
    ]),
    yaml('a choice that is none', 'engine: onxx\n', [/engine \(run\.yaml, line 3\)/, /"onnx"/]),
    yaml('an unknown key inside', 'lr_scheduler_kwargs: {num_cycle: 2}\n', [
      /lr_scheduler_kwargs \(run\.yaml, line 3\)/,
      /num_cycle; did you mean num_cycles\?/,
    ]),
    yaml('a huge number', 'seed: 99999999999999999999999\n', [/seed \(run\.yaml, line 3\)/]),
    yaml('a negative number', 'workers: -2\n', [/workers \(run\.yaml, line 3\)/, />0/]),
    file(
      'JSON with a comma too many',
      '{"model_name_or_path": "model", "seed": 1,,}',
      /run\.json, line 1, column/,
      'run.json',
    ),
    file('JSON cut short', '{"model_name_or_path": "mod', /run\.json, line 1/, 'run.json'),
    file('JSON with a list at the top', '[]', /run\.json must hold keys and values/, 'run.json'),
    file(
      'JSON with a word for a number',
      '{"model_name_or_path": "model",\n"train_file": "train.tsv",\n"seed": "x"}',
      [/seed \(run\.json, line 3\)/, /number/],
      'run.json',
    ),
  ]),
  ...(['check', 'train'] as const).flatMap((command): BadCase[] => [
    {
      name: `a module without a default export (${command})`,
      argv: [command, 'run.mjs'],
      code: 64,
      message: /run\.mjs has no default export; write: export default/,
      prepare: (folder) => writeFileSync(join(folder, 'run.mjs'), 'export const config = {};\n'),
    },
    {
      name: `a module with a mistake in its syntax (${command})`,
      argv: [command, 'run.mjs'],
      code: 64,
      message: /run\.mjs does not load/,
      prepare: (folder) => writeFileSync(join(folder, 'run.mjs'), 'export default {\n'),
    },
    {
      name: `a module that throws (${command})`,
      argv: [command, 'run.mjs'],
      code: 64,
      message: /run\.mjs does not load: no luck/,
      prepare: (folder) => writeFileSync(join(folder, 'run.mjs'), "throw new Error('no luck');\n"),
    },
    {
      name: `a module that exports a list (${command})`,
      argv: [command, 'run.mjs'],
      code: 64,
      message: /run\.mjs must hold keys and values/,
      prepare: (folder) => writeFileSync(join(folder, 'run.mjs'), 'export default [];\n'),
    },
  ]),
];

checkCases('config files', table);

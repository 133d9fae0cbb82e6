import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnx, type BadCase } from './bad-case.js';
import { checkCases } from './check-cases.js';

const evaluate = (run: string, ...more: string[]): string[] => ['eval', run, ...onnx, ...more];
const predict = (run: string, ...more: string[]): string[] => ['predict', run, ...onnx, ...more];
const line = '{"sentence": "a fine film"}\n';

/** What `eval` and `predict` refuse alike: the folder of the model. */
const folders: readonly Omit<BadCase, 'argv'>[] = [
  { name: 'a folder that is not there', code: 64, message: /run folder bad does not exist/ },
  {
    name: 'a file',
    code: 64,
    message: /bad/,
    prepare: (folder) => writeFileSync(join(folder, 'bad'), ''),
  },
  {
    name: 'an empty folder',
    code: 64,
    message: /bad holds no trained model/,
    prepare: (folder) => mkdirSync(join(folder, 'bad')),
  },
  {
    name: 'a model without a head',
    code: 64,
    message: /bad|head|classifier/,
    prepare: (folder) => copy(folder, 'bare', 'bad'),
  },
  {
    name: 'weights that are cut short',
    code: 65,
    message: /bad\/model\.safetensors/,
    prepare: (folder) => {
      copy(folder, 'run', 'bad');
      const file = join(folder, 'bad/model.safetensors');
      writeFileSync(file, readFileSync(file).subarray(0, 4000));
    },
  },
  {
    name: 'no weights',
    code: 65,
    message: /bad/,
    prepare: (folder) => {
      copy(folder, 'run', 'bad');
      rmSync(join(folder, 'bad/model.safetensors'));
    },
  },
  {
    name: 'a config.json that is not JSON',
    code: 65,
    message: /bad\/config\.json/,
    prepare: (folder) => {
      copy(folder, 'run', 'bad');
      writeFileSync(join(folder, 'bad/config.json'), '{');
    },
  },
  {
    name: 'a config.resolved.yaml that is not YAML',
    code: 65,
    message: /bad\/config\.resolved\.yaml/,
    prepare: (folder) => {
      copy(folder, 'run', 'bad');
      writeFileSync(join(folder, 'bad/config.resolved.yaml'), 'a: [1\n');
    },
  },
  {
    name: 'no tokenizer',
    code: 65,
    message: /tokenizer\.json|vocab\.txt/,
    prepare: (folder) => {
      copy(folder, 'run', 'bad');
      rmSync(join(folder, 'bad/vocab.txt'));
    },
  },
];

function copy(folder: string, from: string, to: string): void {
  mkdirSync(join(folder, to));
  for (const name of [
    'config.json',
    'model.safetensors',
    'vocab.txt',
    'tokenizer_config.json',
    'config.resolved.yaml',
  ]) {
    try {
      writeFileSync(join(folder, to, name), readFileSync(join(folder, from, name)));
    } catch {
      // A source model has no resolved configuration.
    }
  }
}

const table: BadCase[] = [
  ...folders.flatMap((bad) => [
    { ...bad, name: `eval of ${bad.name}`, argv: evaluate('bad', '--file', 'dev.tsv') },
    { ...bad, name: `predict of ${bad.name}`, argv: predict('bad'), stdin: line },
  ]),
  {
    name: 'eval of nothing',
    argv: ['eval'],
    code: 64,
    message: /missing required argument 'run_folder'/,
  },
  { name: 'eval without a file', argv: evaluate('run'), code: 64, message: /missing: --file/ },
  {
    name: 'eval of an empty file name',
    argv: evaluate('run', '--file', ''),
    code: 64,
    message: /--file/,
  },
  {
    name: 'eval of a file that is not there',
    argv: evaluate('run', '--file', 'nowhere.tsv'),
    code: 65,
    message: /nowhere\.tsv/,
  },
  {
    name: 'eval of an option that training has',
    argv: evaluate('run', '--validation_file', 'dev.tsv'),
    code: 64,
    message: /unknown option --validation_file/,
  },
  {
    name: 'eval of a label that the model has not',
    argv: evaluate('run', '--file', 'bad.tsv'),
    code: 65,
    message: [/bad\.tsv/, /maybe/],
    prepare: (folder) => writeFileSync(join(folder, 'bad.tsv'), 'sentence\tlabel\na\tmaybe\n'),
  },
  {
    name: 'eval of a file without labels',
    argv: evaluate('run', '--file', 'bad.jsonl'),
    code: 65,
    message: [/bad\.jsonl/, /label/],
    prepare: (folder) => writeFileSync(join(folder, 'bad.jsonl'), line),
  },
  {
    name: 'eval of a header alone',
    argv: evaluate('run', '--file', 'bad.tsv'),
    code: 65,
    message: /bad\.tsv.*no rows/,
    prepare: (folder) => writeFileSync(join(folder, 'bad.tsv'), 'sentence\tlabel\n'),
  },
  {
    name: 'eval of other columns',
    argv: evaluate('run', '--file', 'bad.tsv'),
    code: 65,
    message: /bad\.tsv/,
    prepare: (folder) => writeFileSync(join(folder, 'bad.tsv'), 'a\tb\nx\ty\n'),
  },
  {
    name: 'eval of no row',
    argv: evaluate('run', '--file', 'dev.tsv', '--max_samples', '0'),
    code: 64,
    message: /max_samples.*>0/,
  },
  {
    name: 'eval of no room for text',
    argv: evaluate('run', '--file', 'dev.tsv', '--max_seq_length', '2'),
    code: 64,
    message: /max_seq_length 2/,
  },
  {
    name: 'eval by an engine that is not set up',
    argv: ['eval', 'run', '--file', 'dev.tsv', '--engine', 'xla'],
    code: 64,
    message: /microtune setup xla/,
  },
  {
    name: 'eval by half a thread',
    argv: evaluate('run', '--file', 'dev.tsv', '--threads', '0.5'),
    code: 64,
    message: /threads.*int/,
  },
  {
    name: 'predict of nothing',
    argv: ['predict'],
    code: 64,
    message: /missing required argument 'run_folder'/,
  },
  {
    name: 'predict of a file that is not there',
    argv: predict('run', '--file', 'nowhere.jsonl'),
    code: 65,
    message: /nowhere\.jsonl/,
  },
  {
    name: 'predict of a file of an unknown kind',
    argv: predict('run', '--file', 'bad.docx'),
    code: 64,
    message: /bad\.docx/,
    prepare: (folder) => writeFileSync(join(folder, 'bad.docx'), 'a\n'),
  },
  {
    name: 'predict of a folder',
    argv: predict('run', '--file', 'model'),
    code: 64,
    message: /model/,
  },
  {
    name: 'predict of two folders',
    argv: predict('run', 'bare'),
    code: 64,
    message: /too many arguments/,
  },
  {
    name: 'predict in batches of nothing',
    argv: predict('run', '--batch_size', '0'),
    code: 64,
    message: /batch_size.*>0/,
  },
  {
    name: 'predict of lines that are all wrong',
    argv: predict('run'),
    code: 65,
    message: /line/,
    stdin: 'rubbish\n{"sentence": 3\n',
  },
  {
    name: 'predict of lines without the column',
    argv: predict('run'),
    code: 65,
    message: /sentence|line/,
    stdin: '{}\n[]\n',
  },
  {
    name: 'predict of bytes that are not text',
    argv: predict('run'),
    code: 65,
    message: /line|UTF-8/,
    stdin: Uint8Array.from([0xff, 0xfe, 0x00, 0xd8, 0x0a]),
  },
  {
    name: 'predict by an unknown device',
    argv: predict('run', '--devices', 'gpu'),
    code: 64,
    message: /devices.*cpu/,
    stdin: line,
  },
];

checkCases('trained models', table);

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  mostlyChecked,
  modelAndData,
  onnx,
  rootSees,
  type BadCase,
  type BadRun,
} from './bad-case.js';
import { checkCases } from './check-cases.js';

type Content = string | Uint8Array;

/** A training file with this in it. @param where its name, perhaps with options after it */
const train = (
  name: string,
  content: Content,
  message: BadCase['message'],
  where: string | readonly string[] = 'bad.tsv',
) => {
  const [as = '', ...more] = [where].flat();
  return {
    name,
    args: ['--model_name_or_path', 'bare', '--train_file', as, ...onnx, ...more],
    code: 65,
    message,
    prepare: (folder: string) => writeFileSync(join(folder, as), content),
  };
};
/** Where an option is at fault as much as the file. */
const usage = <Row extends { code: number }>(row: Row): Row => ({ ...row, code: 64 });
const rows = (labels: readonly string[]): string =>
  `sentence\tlabel\n${labels.map((label, n) => `a fine film ${n}\t${label}\n`).join('')}`;
const times = <T>(count: number, item: T): T[] => Array<T>(count).fill(item);
const json = (lines: readonly unknown[]): string =>
  lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
const good = { sentence: 'a fine film', label: 'good' };

const runs: BadRun[] = [
  {
    name: 'no such file',
    args: ['--model_name_or_path', 'model', '--train_file', 'nowhere.tsv'],
    code: 65,
    message: /nowhere\.tsv.*does not exist|no such file.*nowhere\.tsv/i,
  },
  {
    name: 'no such validation file',
    args: [...modelAndData, '--validation_file', 'nowhere.tsv'],
    code: 65,
    message: /nowhere\.tsv/,
  },
  {
    name: 'one of several files is not there',
    args: ['--model_name_or_path', 'model', '--train_file', 'train.tsv,nowhere.tsv'],
    code: 65,
    message: /nowhere\.tsv/,
  },
  {
    name: 'a folder for a file',
    args: ['--model_name_or_path', 'model', '--train_file', 'folder.tsv'],
    code: 65,
    message: /folder\.tsv.*folder/,
    prepare: (folder) => mkdirSync(join(folder, 'folder.tsv')),
  },
  {
    name: 'a link to nowhere',
    args: ['--model_name_or_path', 'model', '--train_file', 'link.tsv'],
    code: 65,
    message: /link\.tsv/,
    prepare: (folder) => symlinkSync('nowhere', join(folder, 'link.tsv')),
  },
  {
    name: 'a loop of links',
    args: ['--model_name_or_path', 'model', '--train_file', 'a.tsv'],
    code: 65,
    message: /a\.tsv/,
    prepare: (folder) => {
      symlinkSync('b.tsv', join(folder, 'a.tsv'));
      symlinkSync('a.tsv', join(folder, 'b.tsv'));
    },
  },
  {
    name: 'a named pipe that nobody writes to',
    args: ['--model_name_or_path', 'model', '--train_file', 'pipe.tsv'],
    code: 65,
    message: /pipe\.tsv.*file/,
    prepare: (folder) => void execFileSync('mkfifo', [join(folder, 'pipe.tsv')]),
  },
  {
    name: '/dev/null',
    args: ['--model_name_or_path', 'model', '--train_file', '/dev/null'],
    code: 65,
    message: /\/dev\/null/,
  },
  {
    name: 'a file that may not be read',
    args: ['--model_name_or_path', 'model', '--train_file', 'closed.tsv'],
    code: 65,
    message: /closed\.tsv.*permission/,
    prepare: (folder) => writeFileSync(join(folder, 'closed.tsv'), 'a\tb\n', { mode: 0 }),
    skip: rootSees,
  },
  usage(train('an ending that says nothing', 'a\tb\n', /\.csv, \.tsv/, 'bad.txt')),
  usage(train('no ending', 'a\tb\n', /\.csv, \.tsv/, 'bad')),
  train('zero bytes', '', /bad\.tsv/),
  train('a header alone', 'sentence\tlabel\n', /bad\.tsv.*no rows/),
  train('blank lines alone', '\n\n\n', /bad\.tsv/),
  train('gzip named tsv', gzipSync(rows(['a', 'b'])), /bad\.tsv/),
  usage(train('gzip', gzipSync(rows(['a', 'b'])), /bad\.tsv\.gz|\.csv, \.tsv/, 'bad.tsv.gz')),
  train('UTF-16', Buffer.from(`\ufeff${rows(['a', 'b'])}`, 'utf16le'), [/bad\.tsv/, /UTF-8/]),
  train(
    'bytes that are not UTF-8',
    Buffer.from('sentence\tlabel\ncaf\xe9\tgood\nno\tbad\n', 'latin1'),
    [/bad\.tsv:2/, /UTF-8/],
  ),
  train(
    'a picture',
    Uint8Array.from({ length: 512 }, (_, n) => (n * 37) % 256),
    /bad\.tsv/,
  ),
  train(
    'a column too few',
    'sentence\tlabel\na fine film\tgood\na dull film\n',
    /bad\.tsv:3.*2 columns.*found 1/,
  ),
  train(
    'a column too many',
    'sentence\tlabel\na fine film\tgood\na\tdull\tfilm\n',
    /bad\.tsv:3.*2 columns.*found 3/,
  ),
  train('two columns of one name', 'label\tlabel\na fine film\tgood\n', /bad\.tsv.*label/),
  train(
    'an unclosed quote in csv',
    'sentence,label\n"a fine film,good\na dull film,bad\n',
    /bad\.csv/,
    'bad.csv',
  ),
  train('commas in a tsv', 'sentence,label\na fine film,good\na dull film,bad\n', /bad\.tsv/),
  train(
    'semicolons in a csv',
    'sentence;label\na fine film;good\na dull film;bad\n',
    /bad\.csv/,
    'bad.csv',
  ),
  train(
    'no column of that label',
    rows(['a', 'b']),
    [/no label column "class"/, /"sentence", "label"/],
    ['bad.tsv', '--label_column_name', 'class'],
  ),
  train(
    'no column of that text',
    rows(['a', 'b']),
    [/"text"/, /"sentence"/],
    ['bad.tsv', '--text_column_names', 'text'],
  ),
  train('the label as the text', rows(['a', 'b']), /label/, [
    'bad.tsv',
    '--text_column_names',
    'label',
  ]),
  train('one text twice', rows(['a', 'b']), /sentence/, [
    'bad.tsv',
    '--text_column_names',
    'sentence,sentence',
  ]),
  train('column names for another number of columns', rows(['a', 'b']), /3 columns.*found 2/, [
    'bad.tsv',
    '--column_names',
    'a,b,label',
  ]),
  train('all texts empty', 'sentence\tlabel\n\tgood\n\tbad\n', /empty/),
  train('an empty label', rows(['good', '', 'bad']), /bad\.tsv:3/),
  train('labels of blanks', rows(['good', '  ', 'bad']), /bad\.tsv:3/),
  train('one class alone', rows(times(8, 'good')), /good/),
  train('NaN among numbers', rows([...times(20, '0.5'), ...times(19, '1.5'), 'NaN']), [
    /NaN/,
    /bad\.tsv:41/,
  ]),
  train('a decimal comma among numbers', rows([...times(20, '0.5'), ...times(19, '1.5'), '3,5']), [
    /3,5/,
    /bad\.tsv:41/,
  ]),
  train('a word among numbers', rows([...times(20, '0.5'), ...times(19, '1.5'), 'pos']), [
    /pos/,
    /bad\.tsv:41/,
  ]),
  train('Pos beside pos', rows([...times(10, 'pos'), ...times(10, 'neg'), 'Pos']), [/Pos/, /pos/]),
  train('a class of one row', rows([...times(10, 'pos'), ...times(10, 'neg'), 'negg']), /negg/),
  train('nan among classes', rows([...times(10, '0'), ...times(10, '1'), 'nan']), [
    /nan/,
    /bad\.tsv:22/,
  ]),
  train(
    'regression of words',
    rows(['good', 'bad']),
    [/number/, /bad\.tsv:2/],
    ['bad.tsv', '--problem_type', 'regression'],
  ),
  usage(
    train(
      'more labels than num_labels',
      rows(['a', 'b', 'c', 'a', 'b', 'c']),
      [/num_labels/, /3/],
      ['bad.tsv', '--num_labels', '2'],
    ),
  ),
  train('a label for each row', rows(Array.from({ length: 40 }, (_, n) => `id${n}`)), /id0|40/),
  usage(
    train(
      'a row longer than the model takes',
      `sentence\tlabel\n${'film '.repeat(200)}\tgood\na\tbad\n`,
      [/64/, /max_seq_length/],
      ['bad.tsv', '--max_seq_length', '128'],
    ),
  ),
  train(
    'JSON that is neither lines nor an array',
    '{\n  "sentence": "a", "label": "x"\n}\n',
    /bad\.jsonl:1/,
    'bad.jsonl',
  ),
  train(
    'a JSON array that is cut short',
    '[\n  {"sentence": "a", "label": "x"},\n  {"sentence": "b", "lab',
    /bad\.json:3: the JSON array is not closed/,
    'bad.json',
  ),
  train(
    'a line of JSON cut short',
    json([good, '{"sentence": "a', good]),
    /bad\.jsonl:2/,
    'bad.jsonl',
  ),
  train('a line that is a number', json([good, '3']), /bad\.jsonl:2/, 'bad.jsonl'),
  train('a line that is null', json([good, 'null']), /bad\.jsonl:2/, 'bad.jsonl'),
  train(
    'a row without its label',
    json([good, { sentence: 'a' }]),
    /bad\.jsonl:2.*label/,
    'bad.jsonl',
  ),
  train(
    'a row without its text',
    json([good, { label: 'bad' }]),
    /bad\.jsonl:2.*sentence/,
    'bad.jsonl',
  ),
  train(
    'a text that is null',
    json([good, { sentence: null, label: 'bad' }]),
    /bad\.jsonl:2/,
    'bad.jsonl',
  ),
  train(
    'a text that is a list',
    json([good, { sentence: ['a'], label: 'bad' }]),
    /bad\.jsonl:2/,
    'bad.jsonl',
  ),
  train(
    'a label that is an object',
    json([good, { sentence: 'a', label: { a: 1 } }]),
    /bad\.jsonl:2/,
    'bad.jsonl',
  ),
  train(
    'a label that is a list',
    json([good, { sentence: 'a', label: [1] }]),
    /bad\.jsonl:2/,
    'bad.jsonl',
  ),
  train('text named parquet', rows(['a', 'b']), /bad\.parquet/, 'bad.parquet'),
  train('an empty parquet', '', /bad\.parquet/, 'bad.parquet'),
  {
    name: 'a validation file with a class that training has not',
    args: [...modelAndData, '--validation_file', 'bad.tsv'],
    code: 65,
    message: [/bad\.tsv/, /"?2"?/],
    prepare: (folder) => writeFileSync(join(folder, 'bad.tsv'), rows(['0', '1', '2'])),
  },
  {
    name: 'a validation file of another kind of label',
    args: [...modelAndData, '--validation_file', 'bad.tsv'],
    code: 65,
    message: /bad\.tsv/,
    prepare: (folder) => writeFileSync(join(folder, 'bad.tsv'), rows(['good', 'bad'])),
  },
  {
    name: 'a validation file that is the training file',
    args: [...modelAndData, '--validation_file', 'train.tsv'],
    code: 65,
    message: /train\.tsv/,
  },
  {
    name: 'a copy of the training file as validation file',
    args: [...modelAndData, '--validation_file', 'copy.tsv'],
    code: 65,
    message: /copy\.tsv/,
    prepare: (folder) =>
      writeFileSync(join(folder, 'copy.tsv'), readFileSync(join(folder, 'train.tsv'))),
  },
  {
    name: 'files with other columns',
    args: ['--model_name_or_path', 'model', '--train_file', 'train.tsv,bad.tsv'],
    code: 65,
    message: /bad\.tsv/,
    prepare: (folder) => writeFileSync(join(folder, 'bad.tsv'), 'text\tclass\na\t1\n'),
  },
];
const table: BadCase[] = mostlyChecked(runs, 10);

checkCases('data files', table);

import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { labelsOf, type LabelTask, type TaskSpec } from '@microtune/shared';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { openDataset } from './open-dataset.js';
import { openSplits } from './open-splits.js';
import type { SplitConfig } from './open-splits.js';

const root = mkdtempSync(join(tmpdir(), 'microtune-splits-'));
afterAll(() => rmSync(root, { recursive: true }));

const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...'abcdefghij'].join('\n');
let folder = '';
let cacheFolder = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
  cacheFolder = join(folder, 'cache');
  writeFileSync(join(folder, 'vocab.txt'), vocabulary);
});

function write(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const lines = (count: number): string =>
  Array.from(
    { length: count },
    (_, i) => `${'abcdefghij'[i % 10] ?? ''} a\t${i % 2 === 0 ? 'pos' : 'neg'}\n`,
  ).join('');

const configOf = (extra: Partial<SplitConfig>): SplitConfig => ({
  trainFile: [],
  columnNames: ['text', 'label'],
  labelColumnName: 'label',
  maxSeqLength: 8,
  dataSeed: 42,
  ...extra,
});
const open = (extra: Partial<SplitConfig>, task?: LabelTask) =>
  openSplits(configOf(extra), { tokenizerFolder: folder, cacheFolder, task });
const cached = () => readdirSync(cacheFolder).filter((name) => name !== 'tokenizers');

describe('openSplits', () => {
  it('reads, maps and tokenizes training and validation files', async () => {
    const splits = await open({
      trainFile: [write('a.tsv', 'a b\tpos\nc\tneg\n'), write('b.tsv', 'd e f\tpos\n')],
      validationFile: [write('dev.tsv', 'a\tneg\n')],
    });
    expect(labelsOf(splits.task)).toEqual(['neg', 'pos']);
    expect(splits.padTokenId).toBe(0);
    expect(splits.train).toMatchObject({
      size: 3,
      lengths: Int32Array.of(4, 3, 5),
      offsets: Int32Array.of(0, 4, 7, 12),
      ids: Int32Array.of(2, 5, 6, 3, 2, 7, 3, 2, 8, 9, 10, 3),
      labels: Float32Array.of(1, 0, 1),
    });
    expect(splits.validation?.labels).toEqual(Float32Array.of(0));
  });

  it('says which columns it took for texts where it had to guess, also from the cache', async () => {
    const trainFile = [write('a.csv', 'idx,review,label\n1,a b,0\n2,c,1\n')];
    const read = await open({ trainFile, columnNames: undefined });
    expect(read.notes).toEqual([expect.stringMatching(/a\.csv: the text is column "review"/)]);
    expect((await open({ trainFile, columnNames: undefined })).notes).toEqual(read.notes);
    const named = { trainFile, columnNames: undefined, textColumnNames: ['review'] };
    expect((await open(named)).notes).toEqual([]);
  });

  it('gives the same from the cache, with the labels the coordinator decided', async () => {
    const config = {
      trainFile: [write('a.tsv', lines(50))],
      validationSplit: 0.1,
      maxTrainSamples: 20,
    };
    const first = await open(config);
    expect(cached()).toHaveLength(1);
    // An entry that is made again is another file.
    const entry = () => statSync(join(cacheFolder, cached()[0] ?? '')).ino;
    const made = entry();
    const again = await open(config, first.task);
    expect(again).toEqual(first);
    expect(cached()).toHaveLength(1);
    expect(entry()).toBe(made);
  });

  it('keys the cache by content, tokenizer and options', async () => {
    const trainFile = [write('a.tsv', lines(10))];
    const hashes = new Set<string>();
    const add = async (extra: Partial<SplitConfig>) =>
      hashes.add((await open({ trainFile, ...extra })).train.contentHash);
    await add({});
    await add({ maxSeqLength: 4 });
    await add({ labelColumnName: 'text', textColumnNames: ['label'] });
    write('a.tsv', lines(12));
    await add({});
    writeFileSync(join(folder, 'vocab.txt'), `${vocabulary}\nk`);
    await add({});
    expect(hashes.size).toBe(5);
    expect(cached()).toHaveLength(5);
    write('renamed.tsv', lines(12));
    await open({ trainFile: [join(folder, 'renamed.tsv')] });
    expect(cached()).toHaveLength(5);
  });

  it('makes a damaged cache again', async () => {
    const config = { trainFile: [write('a.tsv', lines(30))] };
    const expected = await open(config);
    const file = join(cacheFolder, cached()[0] ?? '');
    const good = readFileSync(file);
    const flip = (at: number): Buffer => {
      const bytes = Buffer.from(good);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      return bytes;
    };
    const everywhere = Array.from({ length: 60 }, (_, i) =>
      flip(Math.floor((i * good.length) / 60)),
    );
    for (const damaged of [
      good.subarray(0, 100),
      good.subarray(0, -1),
      Buffer.alloc(0),
      ...everywhere,
    ]) {
      writeFileSync(file, damaged);
      expect(await open(config)).toEqual(expected);
    }
    expect(readFileSync(file)).toEqual(good);
  });

  it('is safe when several open the same files at once, and leaves nothing aside', async () => {
    const config = { trainFile: [write('a.tsv', lines(3000))] };
    const all = await Promise.all(Array.from({ length: 6 }, () => open(config)));
    for (const splits of all) expect(splits).toEqual(all[0]);
    expect(cached()).toHaveLength(1);
  });

  it('goes on without a cache that cannot be written, and says so', async () => {
    write('cache', 'a file, not a folder');
    const splits = await open({ trainFile: [write('a.tsv', lines(4))] });
    expect(splits.notes.join()).toMatch(/could not be cached/);
    expect(splits.train.size).toBe(4);
  });

  it('holds out a seeded fraction, every row once', async () => {
    const trainFile = [
      write('a.tsv', Array.from({ length: 40 }, (_, i) => `a\t${i + 0.5}\n`).join('')),
    ];
    const heldWith = async (dataSeed: number) => {
      const { train, validation } = await open({ trainFile, validationSplit: 0.2, dataSeed });
      const held = [...(validation?.labels ?? [])];
      expect(held).toHaveLength(8);
      expect([...train.labels, ...held].sort((a, b) => a - b)).toEqual(
        Array.from({ length: 40 }, (_, i) => i + 0.5),
      );
      return held;
    };
    expect(await heldWith(1)).toEqual(await heldWith(1));
    expect(await heldWith(1)).not.toEqual(await heldWith(2));
  });

  it('uses only the first rows when told so', async () => {
    const file = write('a.tsv', lines(10));
    const splits = await open({
      trainFile: [file],
      validationFile: [write('dev.tsv', lines(8))],
      maxTrainSamples: 3,
      maxEvalSamples: 2,
    });
    expect([splits.train.size, splits.validation?.size]).toEqual([3, 2]);
  });

  it('tokenizes pairs with type ids', async () => {
    const pair = write(
      'p.jsonl',
      '{"sentence1":"a","sentence2":"b","label":0}\n{"sentence1":"a","sentence2":"c","label":1}\n',
    );
    const { train } = await open({ trainFile: [pair] });
    expect(train.ids.subarray(0, 5)).toEqual(Int32Array.of(2, 5, 3, 6, 3));
    expect(train.typeIds.subarray(0, 5)).toEqual(Uint8Array.of(0, 0, 0, 1, 1));
  });

  it('takes names of labels from the model', async () => {
    write('config.json', '{"id2label": {"1": "GOOD", "0": "BAD"}, "problem_type": null}');
    const { task } = await open({ trainFile: [write('a.tsv', 'a\t1\nb\t0\n')] });
    expect(labelsOf(task)).toEqual(['BAD', 'GOOD']);
  });
});

describe('openSplits refuses', () => {
  it.each<[string, () => Partial<SplitConfig>, RegExp]>([
    [
      'a label of validation that training never had',
      () => ({
        trainFile: [write('a.tsv', lines(4))],
        validationFile: [write('dev.tsv', 'a\tpos\nb\tmeh\n')],
      }),
      /dev\.tsv:2: unknown label "meh": the labels of the training data are "neg", "pos"/,
    ],
    [
      'a missing label column',
      () => ({ trainFile: [write('a.jsonl', '{"text":"a","stars":1}\n')] }),
      /a\.jsonl: no label column "label"; the file has "text", "stars" \(choose with --label_column_name/,
    ],
    [
      'a missing text column',
      () => ({
        trainFile: [write('a.jsonl', '{"text":"a","label":1}\n')],
        textColumnNames: ['review'],
      }),
      /no text column "review"; the file has "text", "label"/,
    ],
    [
      'a row without its text',
      () => ({ trainFile: [write('a.jsonl', '{"text":"a","label":1}\n{"label":0}\n')] }),
      /a\.jsonl:2: no column "text"; this row has "label"/,
    ],
    [
      'a row without its label',
      () => ({
        trainFile: [write('a.jsonl', '{"text":"a","label":1}\n{"text":"b","label":null}\n')],
      }),
      /a\.jsonl:2: label column "label" should hold a number or a name, found null/,
    ],
    [
      'a text that is none',
      () => ({ trainFile: [write('a.jsonl', '{"text":["a"],"label":1}\n')] }),
      /a\.jsonl:1: column "text" should be text, found object/,
    ],
    [
      'two ways to validate',
      () => ({ trainFile: ['a.tsv'], validationFile: ['b.tsv'], validationSplit: 0.5 }),
      /validation_split and validation_file exclude each other/,
    ],
    [
      'a held-out fraction that leaves nothing',
      () => ({ trainFile: [write('a.tsv', lines(2))], validationSplit: 0.9 }),
      /validation_split 0\.9 of 2 rows leaves no row/,
    ],
  ])('%s', async (_, config, message) => {
    await expect(open(config())).rejects.toThrow(message);
  });
});

describe('openDataset', () => {
  it('reads a split under a task of its own', async () => {
    const file = write('test.tsv', 'a\t1\nb\t0\n');
    const request = {
      files: [file],
      columns: configOf({}),
      tokenizerFolder: folder,
      maxSeqLength: 8,
      cacheFolder,
    };
    const named = await openDataset({
      ...request,
      task: { kind: 'sequence-classification', labels: ['NEG', 'POS'] },
    });
    expect(named.labels).toEqual(Float32Array.of(1, 0));
    const other = {
      kind: 'sequence-classification',
      labels: ['neg', 'pos', '1'],
    } satisfies TaskSpec;
    await expect(openDataset({ ...request, task: other })).resolves.toMatchObject({
      labels: Float32Array.of(2, 0),
    });
  });
});

const shared = fileURLToPath(new URL('../../../../shared/', import.meta.url));

describe.skipIf(!existsSync(shared))('real data (skipped where ../shared is absent)', () => {
  const data = (name: string): string => join(shared, 'data', name);
  const places = () => ({ tokenizerFolder: join(shared, 'models/minilm-l6'), cacheFolder });

  it('reads every row of SST-2, from several processes at once', async () => {
    const config = configOf({
      trainFile: [data('sst2/train.tsv')],
      validationFile: [data('sst2/dev.tsv'), data('sst2/test.tsv')],
      columnNames: ['sentence', 'label'],
      maxSeqLength: 128,
    });
    const script =
      'const { openSplits } = await import(process.argv[1]);' +
      'const { train, validation } = await openSplits(...JSON.parse(process.argv[2]));' +
      'process.stdout.write(train.contentHash + validation.contentHash);';
    const built = new URL('../dist/index.js', import.meta.url).href;
    const args = ['--input-type=module', '-e', script, built, JSON.stringify([config, places()])];
    const outputs = await Promise.all(
      [0, 1].map(() => promisify(execFile)(process.execPath, args)),
    );
    const { train, validation } = await openSplits(config, places());
    expect([train.size, validation?.size]).toEqual([6920, 872 + 1821]);
    for (const { stdout } of outputs)
      expect(stdout).toBe(train.contentHash + (validation?.contentHash ?? ''));
    expect(train.ids.length / train.size).toBeCloseTo(23.34, 2);
  });

  it('reads the reviews, truncated', async () => {
    const config = configOf({ trainFile: [data('movie-reviews/test.jsonl')], maxSeqLength: 256 });
    const { train, task } = await openSplits(config, places());
    expect([train.size, Math.max(...train.lengths), labelsOf(task)]).toEqual([
      400,
      256,
      ['neg', 'pos'],
    ]);
  });
});

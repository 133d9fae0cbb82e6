/** Columns are found by name: their order in the file decides nothing, and messages list them as the file has them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { openSplits, type SplitConfig } from './open-splits.js';

const folder = mkdtempSync(join(tmpdir(), 'microtune-column-order-'));
afterAll(() => rmSync(folder, { recursive: true }));
const letters = [...'abcdefghij'];
const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
writeFileSync(join(folder, 'vocab.txt'), [...special, ...letters].join('\n'));

function write(name: string, lines: readonly string[]): string {
  writeFileSync(join(folder, name), lines.map((line) => `${line}\n`).join(''));
  return join(folder, name);
}

const open = (config: Partial<SplitConfig>) =>
  openSplits(
    { trainFile: [], labelColumnName: 'label', maxSeqLength: 8, dataSeed: 42, ...config },
    { tokenizerFolder: folder, cacheFolder: undefined },
  );

/** Names like "7", which JavaScript's objects put first. */
const header = ['text', 'label', '7', 'text_pair', 'id'];
const rows = [
  { text: 'a b', label: 'pos', '7': 'x', text_pair: 'c', id: '1' },
  { text: 'd', label: 'neg', '7': 'y', text_pair: 'e f', id: '2' },
  { text: 'g h', label: 'pos', '7': 'z', text_pair: 'i', id: '3' },
];
type Name = keyof (typeof rows)[number];
const orders = fc.shuffledSubarray(header, { minLength: header.length });
const kinds = fc.constantFrom('csv', 'tsv');
const tableOf = (order: readonly string[], kind: string): string[] =>
  [order, ...rows.map((row) => order.map((name) => row[name as Name]))].map((fields) =>
    fields.join(kind === 'csv' ? ',' : '\t'),
  );

describe('the order of columns', () => {
  it('decides neither text, nor pair, nor label', async () => {
    const expected = await open({ trainFile: [write('plain.tsv', tableOf(header, 'tsv'))] });
    expect(expected.textColumns).toEqual(['text', 'text_pair']);
    await fc.assert(
      fc.asyncProperty(orders, kinds, async (order, kind) => {
        const file = write(`shuffled.${kind}`, tableOf(order, kind));
        const { train, textColumns } = await open({ trainFile: [file] });
        expect(textColumns).toEqual(expected.textColumns);
        expect([train.ids, train.labels]).toEqual([expected.train.ids, expected.train.labels]);
      }),
      { numRuns: 30 },
    );
  });

  it('may differ between training and validation files, and from --column_names where there is a header', async () => {
    const { train, validation } = await open({
      trainFile: [write('train.tsv', ['a b\tpos', 'c\tneg'])],
      validationFile: [write('dev.csv', ['label,text', 'pos,a b', 'neg,c'])],
      columnNames: ['text', 'label'],
    });
    expect([validation?.ids, validation?.labels]).toEqual([train.ids, train.labels]);
  });

  it.each(['csv', 'tsv'])(
    'E26: is that of the file in messages, also of a %s without a header whose first label is a number',
    async (kind) => {
      const separator = kind === 'csv' ? ',' : '\t';
      const lines = ['hide new secretions', 'contains no wit'].map((text) => text + separator + 0);
      const trainFile = [write(`headerless.${kind}`, lines)];
      await expect(open({ trainFile })).rejects.toThrow(
        /no label column "label"; the file has "hide new secretions", "0" .*needs --column_names/,
      );
      const columnNames = ['sentence', '7', 'label'];
      await expect(open({ trainFile, columnNames })).rejects.toThrow(
        /:1: expected 3 columns \("sentence", "7", "label"\), found 2/,
      );
    },
  );
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readRows } from './read-rows.js';
import type { ReadOptions, Row } from './row.js';

const folder = mkdtempSync(join(tmpdir(), 'microtune-rows-'));
afterAll(() => rmSync(folder, { recursive: true }));
const oracle = fileURLToPath(new URL('../oracle/', import.meta.url));

function fileWith(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

async function rowsOf(files: string | string[], options: ReadOptions = {}): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of readRows(typeof files === 'string' ? [files] : files, options))
    rows.push(row);
  return rows;
}

const valuesOf = async (files: string | string[], options: ReadOptions = {}) =>
  (await rowsOf(files, options)).map((row) => row.values);

describe('csv', () => {
  it('reads quotes, commas, doubled quotes and line ends inside fields', async () => {
    const file = fileWith('a.csv', 'text,label\r\n"a, ""b""\nc",1\r\n\r\nplain,0\r\n');
    expect(await rowsOf(file)).toEqual([
      { values: { text: 'a, "b"\nc', label: '1' }, columns: ['text', 'label'], file, line: 3 },
      { values: { text: 'plain', label: '0' }, columns: ['text', 'label'], file, line: 5 },
    ]);
  });

  it('takes column names for a file without a header, and knows a header that repeats them', async () => {
    const columnNames = ['text', 'label'];
    expect(await valuesOf(fileWith('b.csv', 'x,1\ny,0'), { columnNames })).toHaveLength(2);
    expect(await valuesOf(fileWith('c.csv', 'text,label\ny,0'), { columnNames })).toEqual([
      { text: 'y', label: '0' },
    ]);
  });

  it('never takes a header that shares but one of the given names for a row', async () => {
    const columnNames = ['sentence', 'label'];
    expect(await valuesOf(fileWith('d.csv', 'text,label\ny,0'), { columnNames })).toEqual([
      { text: 'y', label: '0' },
    ]);
    expect(await valuesOf(fileWith('d.tsv', 'label\tid\ttext\n0\t7\ty'), { columnNames })).toEqual([
      { label: '0', id: '7', text: 'y' },
    ]);
  });

  it.each([
    ['text,label\n"a"b,1\n', /:2: bad quotes: Invalid Closing Quote/],
    ['text,label\nok,0\na "b",1\n', /:3: bad quotes: Invalid Opening Quote/],
    ['text,label\nok,0\n"never closed,1\nx,2\n', /:3: bad quotes: Quote Not Closed/],
    ['text,label\nok,1\na,b,c\n', /:3: expected 2 columns \("text", "label"\), found 3/],
    ['a,a\n1,2\n', /names column "a" twice/],
    ['text,label\n', /no rows of data/],
  ])('refuses %j', async (content, message) => {
    const error = await rowsOf(fileWith('bad.csv', content)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'data',
      message: expect.stringMatching(message) as unknown,
    });
  });
});

describe('tsv', () => {
  const columnNames = ['sentence', 'label'];

  it('keeps lone and inner quotes as text, one line one row', async () => {
    const file = fileWith('a.tsv', '"lone start\t1\nends"\t0\n a "b" c\t1\n"x" y\t0\n');
    expect((await valuesOf(file, { columnNames })).map((values) => values['sentence'])).toEqual([
      '"lone start',
      'ends"',
      ' a "b" c',
      '"x" y',
    ]);
  });

  it('unquotes fields that are quoted as a whole, tabs inside included', async () => {
    const file = fileWith('b.tsv', 'sentence\tlabel\n"a\tb ""c"""\t1\r\n"d"\t"0"\n');
    expect(await valuesOf(file)).toEqual([
      { sentence: 'a\tb "c"', label: '1' },
      { sentence: 'd', label: '0' },
    ]);
  });

  it('reads quotes as text where quoting would give another number of columns', async () => {
    const file = fileWith('c.tsv', '"a\tb"\t1\n');
    expect(await valuesOf(file, { columnNames: ['x', 'y', 'label'] })).toEqual([
      { x: '"a', y: 'b"', label: '1' },
    ]);
  });

  it('names the line with a column too many', async () => {
    const file = fileWith('d.tsv', 'a\t1\nb\tc\t1\n');
    await expect(rowsOf(file, { columnNames })).rejects.toThrow(
      /d\.tsv:2: expected 2 columns .* found 3/,
    );
  });

  it('returns any fields without tabs, line ends and leading quotes as they are', async () => {
    const field = fc
      .string({ unit: 'binary' })
      .filter((text) => !/[\t\r\n\ufeff]|^"/.test(text) && text !== '');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(field, field), { minLength: 1 }), async (lines) => {
        const file = fileWith('any.tsv', lines.map((line) => line.join('\t')).join('\n'));
        // A first line with one of these names would be a header.
        const read = await valuesOf(file, { columnNames: ['column 1 of 2', 'column 2 of 2'] });
        expect(read.map(Object.values)).toEqual(lines);
      }),
      { numRuns: 50 },
    );
  });
});

describe('jsonl', () => {
  it('reads .jsonl and .json lines, skipping blank ones and a byte order mark', async () => {
    expect(
      await valuesOf(fileWith('a.jsonl', '\ufeff{"text":"a","label":1}\n\n{"text":"b"}')),
    ).toEqual([{ text: 'a', label: 1 }, { text: 'b' }]);
    expect(await valuesOf(fileWith('a.json', '{"text":"a"}\r\n'))).toEqual([{ text: 'a' }]);
  });

  it.each([
    ['{"text":"a"}\n{"text":\n', /:2: bad JSON/],
    ['1\n', /:1: expected one JSON object/],
    ['\n \n', /no rows of data/],
  ])('refuses %j', async (content, message) => {
    await expect(rowsOf(fileWith('bad.jsonl', content))).rejects.toThrow(message);
  });

  it('names the line of bytes that are not UTF-8, also far into the file', async () => {
    const good = '{"text":"größer"}\n'.repeat(30_000);
    const file = fileWith(
      'latin1.jsonl',
      Buffer.concat([Buffer.from(good), Buffer.from([0x22, 0xfc, 0x0a])]),
    );
    await expect(rowsOf(file)).rejects.toThrow(/latin1\.jsonl:30001: invalid UTF-8/);
  });

  it('keeps characters and lines whole across reads', async () => {
    const texts = Array.from({ length: 40_000 }, (_, i) => `${i} 😀é`);
    const file = fileWith('long.jsonl', texts.map((text) => JSON.stringify({ text })).join('\n'));
    const rows = await rowsOf(file);
    expect(rows.map((row) => row.values['text'])).toEqual(texts);
    expect(rows.at(-1)?.line).toBe(40_000);
  });
});

describe('parquet', () => {
  it.each(['snappy', 'zstd', 'gzip'])(
    'reads files that pyarrow wrote with %s',
    async (compression) => {
      const rows = await rowsOf(join(oracle, `reviews-${compression}.parquet`));
      expect(rows.map((row) => row.values['text'])).toEqual([
        'a fine film',
        'dull, "very" dull',
        'größer 😀',
        'so so',
      ]);
      expect(rows.map((row) => Number(row.values['label']))).toEqual([1, 0, 1, 0]);
      expect(rows.map((row) => row.values['score'])).toEqual([0.5, 1.25, -2, 0]);
      expect(rows.map((row) => row.line)).toEqual([1, 2, 3, 4]);
    },
  );

  it('refuses a file that is none', async () => {
    const file = fileWith('bad.parquet', 'PAR1 nothing here PAR1');
    await expect(rowsOf(file)).rejects.toMatchObject({ code: 'data' });
  });
});

describe('files', () => {
  it('reads several files of different kinds one after the other', async () => {
    const files = [
      fileWith('1.csv', 'text\na\n'),
      fileWith('2.jsonl', '{"text":"b"}'),
      fileWith('3.tsv', 'text\nc\n'),
    ];
    expect(await valuesOf(files)).toEqual([{ text: 'a' }, { text: 'b' }, { text: 'c' }]);
  });

  it('says what is missing, empty, a folder or unknown', async () => {
    await expect(rowsOf(join(folder, 'none.csv'))).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining('none.csv: data file not found') as unknown,
    });
    await expect(rowsOf(fileWith('empty.csv', ''))).rejects.toThrow(/the file is empty/);
    await expect(rowsOf(fileWith('a.xlsx', 'x'))).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/"\.xlsx"; expected \.csv, \.tsv, \.jsonl/) as unknown,
    });
  });
});

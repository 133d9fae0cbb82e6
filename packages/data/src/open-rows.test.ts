import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openRows } from './open-rows.js';
import type { OpenedRow, RowOptions, RowSource } from './open-rows.js';

const folder = mkdtempSync(join(tmpdir(), 'microtune-open-rows-'));
afterAll(() => rmSync(folder, { recursive: true }));

const columns = { labelColumnName: 'label' };

async function groupsOf(
  source: RowSource,
  extra: Partial<RowOptions> = {},
): Promise<OpenedRow[][]> {
  const groups: OpenedRow[][] = [];
  for await (const group of openRows(source, { columns, ...extra })) groups.push(group);
  return groups;
}

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size)
    yield await Promise.resolve(bytes.subarray(at, at + size));
}

const stream = (text: string | Uint8Array, size = 7): RowSource => ({
  bytes: chunked(Buffer.from(text), size),
  name: 'stdin',
});

describe('openRows', () => {
  it('turns rubbish into error records and keeps the order', async () => {
    const rubbish = Buffer.concat([
      Buffer.from('{"text":"a"}\nnot json\n'),
      Buffer.from([0xff, 0xfe, 0x0a]),
      Buffer.from(
        '{"sentence1":"a","sentence2":"b"}\n\n{"text":7}\n{"text":null}\n[1]\n{}\n{"other":"b"}',
      ),
    ]);
    const rows = (await groupsOf(stream(rubbish))).flat();
    expect(rows.map((row) => [row.line, row.error ?? 'good'])).toEqual([
      [1, 'good'],
      [2, expect.stringMatching(/^stdin:2: bad JSON/)],
      [3, 'stdin:3: invalid UTF-8'],
      [4, 'good'],
      [5, 'stdin:5: blank line'],
      [6, 'good'],
      [7, expect.stringMatching(/^stdin:7: column "text" should be text, found null/)],
      [8, expect.stringMatching(/^stdin:8: expected one JSON object/)],
      [9, expect.stringMatching(/^stdin:9: no text column: there is no column/)],
      [10, 'good'],
    ]);
  });

  it('groups what came together', async () => {
    const text = '{"text":"a"}\n'.repeat(10);
    const one = await groupsOf(stream(text, 1e6));
    expect(one.map((group) => group.length)).toEqual([10]);
    expect(one[0]?.[0]?.texts).toEqual({ first: 'a', second: undefined });
    expect((await groupsOf(stream(text, 13))).map((group) => group.length)).toEqual(
      Array(10).fill(1),
    );
  });

  it('answers before the stream ends', async () => {
    let sent = 0;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent++;
        yield await Promise.resolve(Buffer.from('{"text":"a"}\n'));
      }
    };
    for await (const group of openRows({ bytes: endless(), name: 'stdin' }, { columns })) {
      expect(group).toHaveLength(1);
      if (sent >= 3) break;
    }
    expect(sent).toBeLessThan(6);
  });

  it('prefers the columns of training where the row has them', async () => {
    const [group] = await groupsOf(stream('{"text":"a","review":"b"}\n{"text":"a"}\n', 1e6), {
      columns: { ...columns, textColumnNames: ['review'] },
    });
    expect(group?.map((row) => row.texts?.first)).toEqual(['b', 'a']);
  });

  it('reads the columns of training or text and text_pair, and refuses a row of another kind', async () => {
    const errorOf = async (textColumnNames: string[], row: object): Promise<string> => {
      const [group] = await groupsOf(stream(`${JSON.stringify(row)}\n`), {
        columns: { ...columns, textColumnNames },
      });
      return group?.[0]?.error ?? 'good';
    };
    const pair = ['premise', 'hypothesis'];
    expect(await errorOf(pair, { premise: 'a', hypothesis: 'b' })).toBe('good');
    expect(await errorOf(pair, { text: 'a', text_pair: 'b' })).toBe('good');
    expect(await errorOf(pair, { premise: 'a' })).toMatch(
      /stdin:1: the model reads pairs of texts, from "premise", "hypothesis" .*this row has "premise"/,
    );
    expect(await errorOf(pair, { text: 'a' })).toMatch(/pairs of texts/);
    expect(await errorOf(['text'], { text: 'a', text_pair: 'b' })).toMatch(/reads one text/);
    expect(await errorOf(['text'], { sentence1: 'a', sentence2: 'b' })).toMatch(
      /from "text" .*this row has "sentence1", "sentence2"/,
    );
  });

  it('says once which columns it took for texts where it had to guess', async () => {
    const notes: string[] = [];
    await groupsOf(stream('{"id":"7","review":"a"}\n'.repeat(3)), {
      onGuess: (note) => notes.push(note),
    });
    expect(notes).toEqual([expect.stringMatching(/^stdin:1: the text is column "review"/)]);
  });

  it('reads files of every kind', async () => {
    const tsv = join(folder, 'a.tsv');
    writeFileSync(tsv, 'a\t1\nb\t0\nb b\t0\n');
    const named = { columns: { ...columns, columnNames: ['sentence', 'label'] } };
    const groups = await groupsOf({ file: tsv }, named);
    expect(groups.map((group) => group.length)).toEqual([3]);
    const jsonl = join(folder, 'a.jsonl');
    writeFileSync(jsonl, '{"text":"a"}\nx\n');
    expect((await groupsOf({ file: jsonl }))[0]?.map((row) => row.texts?.first)).toEqual([
      'a',
      undefined,
    ]);
  });

  it('answers each element of a JSON array, bad ones with an error, and refuses an array that does not close', async () => {
    const array = join(folder, 'array.json');
    writeFileSync(array, '[{"text":"a"},\n 7,\n{"text":x},\n{"text":"b"}]');
    const rows = (await groupsOf({ file: array })).flat();
    expect(rows.map(({ line, texts, error }) => [line, texts?.first ?? error])).toEqual([
      [1, 'a'],
      [2, expect.stringMatching(/array\.json:2: expected an object for each row/)],
      [3, expect.stringMatching(/array\.json:3: bad JSON/)],
      [4, 'b'],
    ]);
    writeFileSync(array, '[{"text":"a"},\n{"text":"b');
    await expect(groupsOf({ file: array })).rejects.toThrow(/array\.json:2: .* not closed/);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { holdsJsonArray, maxElementBytes, splitJsonArray } from './read-json-array.js';
import { readRows } from './read-rows.js';

const folder = mkdtempSync(join(tmpdir(), 'microtune-json-array-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size)
    yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function elementsOf(text: string, chunkBytes: number): Promise<string[]> {
  const found: string[] = [];
  for await (const elements of splitJsonArray(chunked(Buffer.from(text), chunkBytes), 'a.json'))
    found.push(...elements.map(({ bytes }) => Buffer.from(bytes).toString()));
  return found;
}

async function rowsOf(file: string) {
  const rows = [];
  for await (const row of readRows([file])) rows.push(row);
  return rows;
}

describe('a JSON array of rows', () => {
  it('gives what JSON.parse gives, however it is written and cut into chunks', async () => {
    const indents = fc.constantFrom(undefined, 1, '\t');
    const values = fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        values,
        indents,
        fc.integer({ min: 1, max: 40 }),
        async (value, indent, size) => {
          const text = ` ${JSON.stringify(value, undefined, indent)}\n`;
          const elements = await elementsOf(text, size);
          expect(elements.map((each) => JSON.parse(each) as unknown)).toEqual(JSON.parse(text));
        },
      ),
    );
  });

  it('is read from .json and .jsonl, with the line where each row begins', async () => {
    const array =
      '\ufeff\n[\n  {"text": "a ] \\" , é😀",\n   "label": 1},\n  {"text": "b", "label": 0}\n]\n';
    for (const name of ['a.json', 'a.jsonl']) {
      const file = fileWith(name, array);
      expect(await holdsJsonArray(file)).toBe(true);
      expect(await rowsOf(file)).toEqual([
        { values: { text: 'a ] " , é😀', label: 1 }, file, line: 3 },
        { values: { text: 'b', label: 0 }, file, line: 5 },
      ]);
    }
    expect(await holdsJsonArray(fileWith('lines.json', '\n{"text":"[a]"}\n'))).toBe(false);
  });

  it('holds no more of a file in memory than a row and a chunk', async () => {
    const row = Buffer.from(`{"text":"${'x'.repeat(100_000)}"},`);
    const rows = 3000;
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('['));
      for (let n = 1; n < rows; n++) yield row;
      yield row.subarray(0, -1);
      yield Buffer.from(']');
    };
    const before = process.memoryUsage().arrayBuffers;
    let [count, most] = [0, 0];
    for await (const elements of splitJsonArray(chunks(), 'a.json')) {
      count += elements.length;
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(count).toBe(rows);
    // 300 MB went by; what is not collected yet is counted, too.
    expect(most).toBeLessThan(200e6);
  });

  it.each([
    ['[\n{"text":"a"}', /:2: the JSON array is not closed|:2: .* not closed/],
    ['[{"text":"a"},\n]', /:2: a comma too many/],
    ['[,{"text":"a"}]', /:1: a comma too many/],
    ['[{"text":"a"}]\n{"text":"b"}', /:2: expected nothing behind the JSON array/],
    ['[\n{"text":"a"}\n}', /:3: expected \] or a row, found }/],
    ['[\n{"text":"a"\n{"text":"b"}]', /:2: .* not closed/],
    ['[{"text":"a"},\n{"text":}]', /:2: bad JSON/],
    ['[["a",1]]', /:1: expected an object for each row of the JSON array/],
    ['[1, 2]', /expected an object for each row/],
    ['[]', /no rows of data/],
    [' [ \n ] ', /no rows of data/],
  ])('refuses %j', async (content, message) => {
    await expect(rowsOf(fileWith('bad.json', content))).rejects.toThrow(message);
  });

  it('names the line of a row that is not UTF-8', async () => {
    const latin1 = Buffer.from('[{"text":"a"},\n{"text":"größer"}]', 'latin1');
    await expect(rowsOf(fileWith('latin1.json', latin1))).rejects.toThrow(/:2: invalid UTF-8/);
  });

  it('ends at a row that is longer than any, with the line where it begins', async () => {
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('[{"text":"a"},\n{"text":"'));
      const chunk = Buffer.alloc(4 * 1024 * 1024, 'x');
      for (let bytes = 0; bytes <= 2 * maxElementBytes; bytes += chunk.length) yield chunk;
    };
    const read = async (): Promise<void> => {
      for await (const elements of splitJsonArray(endless(), 'a.json'))
        expect(elements.length).toBeLessThan(2);
    };
    await expect(read()).rejects.toThrow(/a\.json:2: .* longer than 64 MiB/);
  });
});

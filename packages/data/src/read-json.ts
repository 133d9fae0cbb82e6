/** `.json`: one array of objects, or JSON lines under that name. */
import { open, readFile } from 'node:fs/promises';
import { isUtf8 } from 'node:buffer';
import { messageOf } from '@microtune/shared';
import { readJsonl } from './read-jsonl.js';
import { checkDataFile } from './read-text.js';
import { dataError } from './row.js';
import type { Row } from './row.js';

/** Read to tell the two apart: white space before an array is rarely longer. */
const headBytes = 4096;

/** `line` of an array's row is its 1-based number. @throws MicrotuneError `data` naming file and line */
export async function* readJson(file: string): AsyncGenerator<Row> {
  await checkDataFile(file);
  if (await startsArray(file)) yield* await readArray(file);
  else yield* readJsonl(file);
}

async function startsArray(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer
      .toString('utf8', 0, bytesRead)
      .replace(/^\uFEFF/, '')
      .trimStart()
      .startsWith('[');
  } finally {
    await handle.close();
  }
}

async function readArray(file: string): Promise<Row[]> {
  const bytes = await readFile(file);
  if (!isUtf8(bytes)) throw dataError(file, undefined, 'invalid UTF-8 (save the file as UTF-8)');
  let values: unknown;
  try {
    values = JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw dataError(
      file,
      undefined,
      `bad JSON: ${messageOf(cause)} (the file begins with "[", so one array of objects is expected)`,
      cause,
    );
  }
  return (values as unknown[]).map((value, index) => rowOf(value, { file, line: index + 1 }));
}

function rowOf(value: unknown, place: { file: string; line: number }): Row {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw dataError(
      place.file,
      place.line,
      'expected an array of objects, e.g. [{"text": "…", "label": 0}]',
    );
  }
  return { values: value as Record<string, unknown>, ...place };
}

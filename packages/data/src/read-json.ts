import { isUtf8 } from 'node:buffer';
import { messageOf } from '@microtune/shared';
import { holdsJsonArray, splitJsonArray, type JsonElement } from './read-json-array.js';
import { openBytes, readText, splitLines } from './read-text.js';
import { dataError } from './row.js';
import type { Line } from './read-text.js';
import type { Row } from './row.js';

/** @throws MicrotuneError `data` when the line is not one JSON object */
export function parseJsonLine({ text, number: line }: Line, file: string): Row {
  return {
    values: parseObject(text, { file, line, expected: 'one JSON object per line' }),
    file,
    line,
  };
}

/** @throws MicrotuneError `data` when the element of an array is not a JSON object in UTF-8 */
export function parseJsonElement({ bytes, line }: JsonElement, file: string): Row {
  if (!isUtf8(bytes)) throw dataError(file, line, 'invalid UTF-8 (save the file as UTF-8)');
  const text = new TextDecoder().decode(bytes);
  const expected = 'an object for each row of the JSON array';
  return { values: parseObject(text, { file, line, expected }), file, line };
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly expected: string;
}

function parseObject(text: string, { file, line, expected }: Place): Record<string, unknown> {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (cause) {
    throw dataError(file, line, `bad JSON: ${messageOf(cause)}`, cause);
  }
  if (typeof values === 'object' && values !== null && !Array.isArray(values))
    return values as Record<string, unknown>;
  throw dataError(file, line, `expected ${expected}, e.g. {"text": "…", "label": 0}`);
}

/** JSON lines, of which blank ones are skipped, or one array of objects. @throws MicrotuneError `data` naming file and line */
export async function* readJson(file: string): AsyncGenerator<Row> {
  if (await holdsJsonArray(file)) {
    for await (const elements of splitJsonArray(await openBytes(file), file))
      for (const element of elements) yield parseJsonElement(element, file);
    return;
  }
  for await (const piece of readText(await openBytes(file), file)) {
    for (const line of splitLines(piece)) {
      if (line.text.trim() !== '') yield parseJsonLine(line, file);
    }
  }
}

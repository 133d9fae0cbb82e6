import { messageOf } from '@microtune/shared';
import { openBytes, readText, splitLines } from './read-text.js';
import { dataError } from './row.js';
import type { Line } from './read-text.js';
import type { Row } from './row.js';

/** @throws MicrotuneError `data` when the line is not one JSON object */
export function parseJsonLine(line: Line, file: string): Row {
  let values: unknown;
  try {
    values = JSON.parse(line.text);
  } catch (cause) {
    const hint =
      line.number === 1 && line.text.trimStart().startsWith('[')
        ? ' (a JSON array? expected JSON lines: one object per line; an array belongs into a .json file)'
        : '';
    throw dataError(file, line.number, `bad JSON: ${messageOf(cause)}${hint}`, cause);
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw dataError(
      file,
      line.number,
      'expected one JSON object per line, e.g. {"text": "…", "label": 0}',
    );
  }
  return { values: values as Record<string, unknown>, file, line: line.number };
}

/** JSON lines; blank lines are skipped. @throws MicrotuneError `data` naming file and line */
export async function* readJsonl(file: string): AsyncGenerator<Row> {
  for await (const piece of readText(await openBytes(file), file)) {
    for (const line of splitLines(piece)) {
      if (line.text.trim() !== '') yield parseJsonLine(line, file);
    }
  }
}

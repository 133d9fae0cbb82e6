/** One JSON line of `predict` -> the text, or the two texts, to classify. */

export interface TextRow {
  readonly text: string;
  readonly pair?: string | undefined;
}

export type ParsedRow = { readonly row: TextRow } | { readonly problem: string };

/** Keys tried in this order after those of the run's own columns; the second is the pair, where present. */
const commonKeys: readonly (readonly [string, string?])[] = [
  ['text', 'text_pair'],
  ['sentence1', 'sentence2'],
  ['sentence'],
];

/**
 * @param line a JSON object with the text under one of the keys, or a JSON string
 * @param columns the run's text columns, tried first
 */
export function parseRow(line: string, columns: readonly string[] | undefined): ParsedRow {
  if (line.trim() === '') return { problem: 'empty line' };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { problem: 'not JSON; expected an object such as {"text": "…"}' };
  }
  if (typeof value === 'string') return { row: { text: value } };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problem: 'expected an object such as {"text": "…"}' };
  }
  return rowOf(value as Record<string, unknown>, columns);
}

function rowOf(
  record: Readonly<Record<string, unknown>>,
  columns: readonly string[] | undefined,
): ParsedRow {
  const own: (readonly [string, string?])[] =
    columns?.[0] === undefined ? [] : [[columns[0], columns[1]]];
  const keys = [...own, ...commonKeys].find(([first]) => Object.hasOwn(record, first));
  if (keys === undefined) {
    const wanted = [...new Set([...own, ...commonKeys].map(([first]) => first))].join(', ');
    return { problem: `no text: expected one of the keys ${wanted}` };
  }
  const [first, second] = keys;
  const text = record[first];
  const pair = second === undefined ? undefined : record[second];
  if (typeof text !== 'string') return { problem: `${first} must be a string` };
  if (pair !== undefined && typeof pair !== 'string')
    return { problem: `${second} must be a string` };
  return { row: { text, pair } };
}

import { assert } from '@microtune/shared';
import type { Encoded } from './text-tokenizer.js';

/** Tokens of many rows end to end; row i is `[offsets[i], offsets[i + 1])`. */
export interface TokenRows {
  readonly ids: Int32Array;
  readonly typeIds: Uint8Array;
  /** [rows + 1] */
  readonly offsets: Int32Array;
  /** [rows]: 1 where truncation has taken tokens, else 0. */
  readonly cut: Uint8Array;
}

export const maxTokens = 2 ** 31 - 1;

/** Where the tokens of a row are in `ids` and `typeIds`: `[from, to)`. */
export function boundsOf(
  { offsets }: Pick<TokenRows, 'offsets'>,
  row: number,
): readonly [from: number, to: number] {
  return [offsets[row] ?? 0, offsets[row + 1] ?? 0];
}

/** Packs encoded rows into flat arrays. */
export function packRows(rows: readonly Encoded[]): TokenRows {
  const offsets = new Int32Array(rows.length + 1);
  let total = 0;
  for (const [index, row] of rows.entries()) {
    total += row.ids.length;
    assert(total <= maxTokens, 'more than 2^31 tokens in one data set');
    offsets[index + 1] = total;
  }
  const ids = new Int32Array(total);
  const typeIds = new Uint8Array(total);
  for (const [index, row] of rows.entries()) {
    ids.set(row.ids, offsets[index]);
    typeIds.set(row.typeIds, offsets[index]);
  }
  return { ids, typeIds, offsets, cut: Uint8Array.from(rows, ({ isCut }) => Number(isCut)) };
}

/** Several packed groups as one. */
export function joinRows(groups: readonly TokenRows[]): TokenRows {
  const rowCount = groups.reduce((sum, group) => sum + group.offsets.length - 1, 0);
  const total = groups.reduce((sum, group) => sum + group.ids.length, 0);
  assert(total <= maxTokens, 'more than 2^31 tokens in one data set');
  const joined = {
    ids: new Int32Array(total),
    typeIds: new Uint8Array(total),
    offsets: new Int32Array(rowCount + 1),
    cut: new Uint8Array(rowCount),
  };
  let [row, token] = [0, 0];
  for (const group of groups) {
    joined.ids.set(group.ids, token);
    joined.typeIds.set(group.typeIds, token);
    joined.cut.set(group.cut, row);
    for (const [index, offset] of group.offsets.entries())
      joined.offsets[row + index] = offset + token;
    row += group.offsets.length - 1;
    token += group.ids.length;
  }
  return joined;
}

/** The given rows, in the given order. */
export function selectRows(source: TokenRows, rows: Int32Array): TokenRows {
  const offsets = new Int32Array(rows.length + 1);
  rows.forEach((row, index) => {
    const [from, to] = boundsOf(source, row);
    offsets[index + 1] = (offsets[index] ?? 0) + to - from;
  });
  const ids = new Int32Array(offsets.at(-1) ?? 0);
  const typeIds = new Uint8Array(ids.length);
  rows.forEach((row, index) => {
    const [from, to] = boundsOf(source, row);
    ids.set(source.ids.subarray(from, to), offsets[index]);
    typeIds.set(source.typeIds.subarray(from, to), offsets[index]);
  });
  return { ids, typeIds, offsets, cut: Uint8Array.from(rows, (row) => source.cut[row] ?? 0) };
}

/** Tokens of each row. */
export function lengthsOf(rows: Pick<TokenRows, 'offsets'>): Int32Array {
  return Int32Array.from({ length: rows.offsets.length - 1 }, (_, row) => {
    const [from, to] = boundsOf(rows, row);
    return to - from;
  });
}

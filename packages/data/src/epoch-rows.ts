/**
 * Packing over a whole epoch (`--packing true`): rows of `max_seq_length` tokens are filled from all samples, and a step takes rows.
 * Which lengths share a row depends on the lengths alone, so every epoch has the same rows but for samples of equal length; their
 * order is drawn anew.
 */
import { packSamples } from './pack-samples.js';
import type { PackedRow } from './pack-rows.js';

export interface EpochRows {
  /** Tokens of each row: the same in every epoch. */
  readonly rowTokens: Int32Array;
  /** Of the fullest row. */
  readonly samplesPerRow: number;
  /** Samples of each row of an epoch. @param order in which samples of equal length are taken */
  rowsOf(order: ArrayLike<number>): readonly PackedRow[];
}

export function packEpoch(lengths: Int32Array, maxSeqLength: number): EpochRows {
  const rowsOf = (order: ArrayLike<number>): PackedRow[] =>
    packSamples(lengths, { rowTokens: maxSeqLength, order });
  const rows = rowsOf(lengths.map((_, sample) => sample));
  return {
    rowTokens: Int32Array.from(rows, ({ tokens }) => tokens),
    samplesPerRow: rows.reduce((most, { samples }) => Math.max(most, samples.length), 1),
    rowsOf,
  };
}

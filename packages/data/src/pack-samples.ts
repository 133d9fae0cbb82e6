/**
 * Packing of a whole data set: samples lie one behind the other in rows of one length, so that hardly a token is padding. Each
 * keeps its own positions and sees only itself (`collate`), so packing changes no prediction.
 */
import { packRows, type PackedRow } from './pack-rows.js';
import { fillGaps } from './fill-gaps.js';

export interface PackRequest {
  /** Tokens of a row; no sample is longer. */
  readonly rowTokens: number;
  /** Samples in the order of the epoch: those of equal length are packed in this order. */
  readonly order: ArrayLike<number>;
  /** @default as many as fit */
  readonly samplesPerRow?: number;
}

/** A pure function of its arguments. @param lengths tokens of every sample @returns every sample of `order` once */
export function packSamples(
  lengths: Int32Array,
  { rowTokens, order, samplesPerRow = rowTokens }: PackRequest,
): PackedRow[] {
  const samples = Array.from(order);
  // Array.prototype.sort is stable.
  samples.sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0));
  const rows = packRows(samples, lengths, { rowTokens, samplesPerRow });
  return fillGaps(rows, lengths, { rowTokens, samplesPerRow });
}

/** The part of all tokens that is padding when every row is filled up to `rowTokens`. */
export function paddedShare(rows: readonly PackedRow[], rowTokens: number): number {
  if (rows.length === 0) return 0;
  return 1 - rows.reduce((sum, { tokens }) => sum + tokens, 0) / (rows.length * rowTokens);
}

/**
 * What a causal language model is trained on, as a few flat columns: a data set of a billion tokens is 4 bytes a token and a bit,
 * not an object a row.
 */
import { getBit, setBit } from './bits.js';

export interface CausalSamples {
  readonly size: number;
  /** [size] Tokens of each sample. */
  readonly lengths: Int32Array;
  /** [size + 1] Tokens of sample i are `ids.subarray(offsets[i], offsets[i + 1])`. */
  readonly offsets: Int32Array;
  readonly ids: Int32Array;
  /** Bit t: token t of `ids` is learned. */
  readonly learned: Uint8Array;
  /** [size] Tokens that are predicted and counted: learned ones but a sample's first, which nothing predicts. */
  readonly targets: Int32Array;
  /** [size] The row of the files, from 0, that each sample came from; rising. */
  readonly rows: Int32Array;
  /** [size] 1 for a sample that is the start of a longer row. */
  readonly cut: Uint8Array;
}

/** Where a sample's tokens lie in `ids`: `[from, to)`. */
export function boundsOf(
  { offsets }: Pick<CausalSamples, 'offsets'>,
  sample: number,
): readonly [from: number, to: number] {
  return [offsets[sample] ?? 0, offsets[sample + 1] ?? 0];
}

/** Whether the loss counts the prediction of this token. @param at into `ids` @param from where its sample begins */
export function isTarget(
  { learned }: Pick<CausalSamples, 'learned'>,
  at: number,
  from: number,
): boolean {
  return at > from && getBit(learned, at);
}

/** Samples in the given order, e.g. those of a split. @param chosen indices of samples */
export function selectSamples(source: CausalSamples, chosen: Int32Array): CausalSamples {
  const size = chosen.length;
  const offsets = new Int32Array(size + 1);
  chosen.forEach((sample, index) => {
    offsets[index + 1] = (offsets[index] ?? 0) + (source.lengths[sample] ?? 0);
  });
  const ids = new Int32Array(offsets.at(-1) ?? 0);
  const learned = new Uint8Array(Math.ceil(ids.length / 8));
  chosen.forEach((sample, index) => {
    const [from, to] = boundsOf(source, sample);
    const start = offsets[index] ?? 0;
    ids.set(source.ids.subarray(from, to), start);
    for (let at = from; at < to; at++) {
      if (getBit(source.learned, at)) setBit(learned, start + at - from);
    }
  });
  const take = (column: Int32Array): Int32Array =>
    Int32Array.from(chosen, (sample) => column[sample] ?? 0);
  return {
    size,
    lengths: take(source.lengths),
    offsets,
    ids,
    learned,
    targets: take(source.targets),
    rows: take(source.rows),
    cut: Uint8Array.from(chosen, (sample) => source.cut[sample] ?? 0),
  };
}

/** The samples of some rows of the files; a row can have several, or none. */
export function samplesOfRows(
  { rows }: Pick<CausalSamples, 'rows'>,
  chosen: Int32Array,
): Int32Array {
  const wanted = new Set(chosen);
  const found: number[] = [];
  rows.forEach((row, sample) => {
    if (wanted.has(row)) found.push(sample);
  });
  return Int32Array.from(found);
}

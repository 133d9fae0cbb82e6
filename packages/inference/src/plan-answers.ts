/**
 * How texts lie in shards when they are answered. Short ones share rows (docs/decisions/0010-packed-rows.md); a lone text, or
 * a handful of short ones, is one short row, because somebody waits for it. Shapes are few and stay the same from group to
 * group, because each is compiled when it comes first. Figures: docs/decisions/0017-answering.md.
 */
import { cutShards, type Packing } from '@microtune/data';
import type { Shard, ShardShape } from '@microtune/shared';

/** Tokens per row to pad to; beyond, as long as the model takes. */
const rowWidths = [16, 32, 64, 128, 256, 512];
/** A larger shard runs no faster per token. */
const shardTokens = 1024;
/** For small groups, and what is left of large ones. */
const smallShardTokens = 256;
/** A group of so few tokens is one row. */
const oneRowTokens = 128;
/** Of a shared row: what they cost is small, what a row with too few of them leaves empty is not. */
const fewestSamplesPerRow = 8;
/** A shared row holds so many samples of mean length at least: with fewer, gaps remain. */
const samplesToFill = 2.5;
const fewestRowTokens = 64;
/** A packing is kept while the mean length stays within this factor. */
const sameMean = 2;

/** @param lengths tokens of each text. @returns shards in which each text is once */
export type AnswerPlanner = (lengths: Int32Array) => Shard[];

/** @param maxSeqLength no text is longer, and no row */
export function createAnswerPlanner(maxSeqLength: number): AnswerPlanner {
  const widths = [...rowWidths.filter((width) => width < maxSeqLength), maxSeqLength];
  const widthFor = (tokens: number): number =>
    widths.find((width) => width >= tokens) ?? maxSeqLength;
  let kept: { readonly mean: number; readonly packing: Packing } | undefined;

  const packingFor = (mean: number): Packing => {
    if (kept !== undefined && kept.mean < sameMean * mean && mean < sameMean * kept.mean)
      return kept.packing;
    const rowTokens = widthFor(Math.max(fewestRowTokens, samplesToFill * mean));
    const samplesPerRow = Math.max(fewestSamplesPerRow, powerOfTwoFrom(rowTokens / mean));
    kept = { mean, packing: { rowTokens, samplesPerRow } };
    return kept.packing;
  };

  return (lengths) => {
    const samples = Array.from(lengths.keys());
    if (samples.length === 0) return [];
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const isOneRow =
      samples.length <= fewestSamplesPerRow && total <= Math.min(oneRowTokens, maxSeqLength);
    if (samples.length === 1 || isOneRow) {
      const tokens = widthFor(total);
      return [{ shape: { rows: 1, tokens, samplesPerRow: fewestSamplesPerRow }, rows: [samples] }];
    }
    const packing = packingFor(total / samples.length);
    const longest = lengths.reduce((most, length) => Math.max(most, length), packing.rowTokens);
    const small = widths.filter(
      (width) => width >= packing.rowTokens && width <= widthFor(longest),
    );
    const shapes = [
      shape(packing.rowTokens, shardTokens, packing),
      ...small.map((width) => shape(width, smallShardTokens, packing)),
    ];
    return cutShards({ samples, lengths, shapes, packing });
  };
}

function shape(tokens: number, ofShard: number, { samplesPerRow }: Packing): ShardShape {
  return { rows: Math.max(1, Math.floor(ofShard / tokens)), tokens, samplesPerRow };
}

/** The least power of two that is not below: few different ones, so few shapes. */
function powerOfTwoFrom(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}

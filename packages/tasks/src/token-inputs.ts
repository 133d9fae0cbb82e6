/** The inputs that tell of a shard's tokens, the same for every task, and how they are filled. */
import { boundsOf, type TokenizedTexts } from '@microtune/data';
import { assert, type Shard } from '@microtune/shared';
import { createCollator, type Collate, type Fill } from './collator.js';
import { perPlace, perToken, type InputSpec } from './input-spec.js';

/** Letters: R rows, T tokens per row, S samples per row. */
export const tokenInputs = {
  /** [R * T], padded with the pad token. */
  inputIds: { name: 'input_ids', dtype: 'int32', shape: perToken },
  /** [R * T]: the place of each token in its sample, from 0; 0 for padding. */
  positionIds: { name: 'position_ids', dtype: 'int32', shape: perToken },
  /** [R, T]: which sample of its row a token belongs to, from 1; 0 for padding. */
  sampleOfToken: {
    name: 'sample_of_token',
    dtype: 'float32',
    shape: ({ rows, tokens }) => [rows, tokens],
  },
  /** [R * T]: segment of each token, 0 or 1. */
  tokenTypeIds: { name: 'token_type_ids', dtype: 'int32', shape: perToken },
  /** [R * S]: where in its row each sample begins; 0 for places without one. */
  firstTokens: { name: 'first_tokens', dtype: 'int32', shape: perPlace },
  /** [R * S]: where in the shard, row after row, each sample ends; 0 for places without one. */
  lastTokens: { name: 'last_tokens', dtype: 'int32', shape: perPlace },
} as const satisfies Record<string, InputSpec>;

export interface TokenOptions {
  readonly padTokenId: number;
}

/** How every token input is filled, by name. */
export function tokenFills(
  texts: TokenizedTexts,
  { padTokenId }: TokenOptions,
): Readonly<Record<string, Fill>> {
  const { inputIds, positionIds, sampleOfToken, tokenTypeIds, firstTokens, lastTokens } =
    tokenInputs;
  return {
    [inputIds.name]: (into, shard) => {
      into.fill(padTokenId);
      for (const { sample, start } of spansOf(texts, shard))
        into.set(texts.ids.subarray(...boundsOf(texts, sample)), start);
    },
    [positionIds.name]: (into, shard) => {
      into.fill(0);
      for (const { start, end } of spansOf(texts, shard))
        for (let at = start; at < end; at++) into[at] = at - start;
    },
    [sampleOfToken.name]: (into, shard) => {
      into.fill(0);
      for (const { at, start, end } of spansOf(texts, shard)) into.fill(at + 1, start, end);
    },
    [tokenTypeIds.name]: (into, shard) => {
      into.fill(0);
      for (const { sample, start } of spansOf(texts, shard))
        into.set(texts.typeIds.subarray(...boundsOf(texts, sample)), start);
    },
    [firstTokens.name]: (into, shard) => {
      into.fill(0);
      const { tokens, samplesPerRow } = shard.shape;
      for (const { row, at, start } of spansOf(texts, shard))
        into[row * samplesPerRow + at] = start - row * tokens;
    },
    [lastTokens.name]: (into, shard) => {
      into.fill(0);
      for (const { row, at, end } of spansOf(texts, shard))
        into[row * shard.shape.samplesPerRow + at] = end - 1;
    },
  };
}

/** Batches of texts whose labels nobody knows: their weight is 0. */
export function createTokenCollator(
  texts: TokenizedTexts,
  specs: readonly InputSpec[],
  options: TokenOptions,
): Collate {
  return createCollator(specs, {
    fills: tokenFills(texts, options),
    check: (shard) => requireRoom(shard, texts),
    weigh: () => 0,
  });
}

/** Where a sample's tokens lie in a batch: samples of a row one behind the other. */
export interface Span {
  readonly sample: number;
  readonly row: number;
  /** Which sample of its row, from 0. */
  readonly at: number;
  /** Of its tokens in [rows * tokens]; `end` is the first after them. */
  readonly start: number;
  readonly end: number;
}

export function* spansOf(texts: TokenizedTexts, { shape, rows }: Shard): Generator<Span> {
  for (const [row, samples] of rows.entries()) {
    let start = row * shape.tokens;
    for (const [at, sample] of samples.entries()) {
      const end = start + (texts.lengths[sample] ?? 0);
      yield { sample, row, at, start, end };
      start = end;
    }
  }
}

/** @throws MicrotuneError `internal` naming what is too much for the shard's shape */
export function requireRoom({ shape, rows }: Shard, texts: TokenizedTexts): void {
  assert(rows.length <= shape.rows, `${rows.length} rows in a shard of ${shape.rows}`);
  for (const samples of rows) {
    const unknown = samples.find((sample) => sample >= texts.size);
    assert(unknown === undefined, `sample ${unknown} of a data set of ${texts.size}`);
    assert(
      samples.length <= shape.samplesPerRow,
      `${samples.length} samples in a row for ${shape.samplesPerRow}`,
    );
    const tokens = samples.reduce((sum, sample) => sum + (texts.lengths[sample] ?? 0), 0);
    assert(
      tokens <= shape.tokens,
      `samples ${samples.join(', ')} of ${tokens} tokens in a row of ${shape.tokens}`,
    );
  }
}

/**
 * The batch of one shard for a causal language model. Letters below: R rows, T tokens of a row, N = R * T cells, K target tokens.
 *
 * The token at a cell predicts the next of its own sample. Only cells whose prediction counts are handed to the head, by their
 * place: an output layer over a vocabulary of 50,000 is most of a small model's work, and prompts need none of it.
 */
import { assert, samplesIn, type Shard } from '@microtune/shared';
import { boundsOf, isTarget, type CausalSamples } from './samples.js';

/** Buffers of a shape; `collate` fills them whole. */
export interface CausalBuffers {
  /** [N] padded with the pad token. */
  readonly inputIds: Int32Array;
  /** [N] the place of each token in its sample, from 0; 0 for padding. */
  readonly positionIds: Int32Array;
  /** [N] which sample of its row a token belongs to, from 1; 0 for padding. */
  readonly sampleOfToken: Float32Array;
  /** [K] the cell that predicts, rising; 0 behind the last. */
  readonly targetCells: Int32Array;
  /** [K] the token that follows it; 0 behind the last. */
  readonly targetIds: Int32Array;
  /** [K] 1 for a prediction that counts, 0 behind the last. */
  readonly targetWeights: Float32Array;
}

export interface CollateOptions {
  /** Any id: no prediction that counts looks at it. */
  readonly padTokenId: number;
}

/** @param targetTokens predictions that the head has room for */
export function createCausalBuffers(
  { rows, tokens }: Shard['shape'],
  targetTokens: number,
): CausalBuffers {
  const cells = rows * tokens;
  return {
    inputIds: new Int32Array(cells),
    positionIds: new Int32Array(cells),
    sampleOfToken: new Float32Array(cells),
    targetCells: new Int32Array(targetTokens),
    targetIds: new Int32Array(targetTokens),
    targetWeights: new Float32Array(targetTokens),
  };
}

/** Predictions of the shard that count: the weight of its loss. */
export function targetsIn({ targets }: Pick<CausalSamples, 'targets'>, shard: Shard): number {
  return samplesIn(shard).reduce((sum, sample) => sum + (targets[sample] ?? 0), 0);
}

/**
 * Fills `into` with the shard. A pure function of samples, shard and options.
 * @returns how many predictions count
 * @throws MicrotuneError `internal` for a shard that does not fit its shape or the buffers
 */
export function collate(
  samples: CausalSamples,
  shard: Shard,
  { padTokenId, into }: CollateOptions & { readonly into: CausalBuffers },
): number {
  const weight = targetsIn(samples, shard);
  checkFit(samples, shard, weight, into);
  into.inputIds.fill(padTokenId);
  into.positionIds.fill(0);
  into.sampleOfToken.fill(0);
  into.targetCells.fill(0);
  into.targetIds.fill(0);
  into.targetWeights.fill(0).fill(1, 0, weight);
  let target = 0;
  for (const [row, ofRow] of shard.rows.entries()) {
    let cell = row * shard.shape.tokens;
    for (const [place, sample] of ofRow.entries()) {
      const [from, to] = boundsOf(samples, sample);
      into.inputIds.set(samples.ids.subarray(from, to), cell);
      into.sampleOfToken.fill(place + 1, cell, cell + to - from);
      for (let at = from; at < to; at++, cell++) {
        into.positionIds[cell] = at - from;
        if (!isTarget(samples, at, from)) continue;
        into.targetCells[target] = cell - 1;
        into.targetIds[target] = samples.ids[at] ?? 0;
        target++;
      }
    }
  }
  return weight;
}

function checkFit(
  samples: CausalSamples,
  { shape, rows }: Shard,
  weight: number,
  into: CausalBuffers,
): void {
  assert(rows.length <= shape.rows, `${rows.length} rows in a shard of ${shape.rows}`);
  assert(into.inputIds.length === shape.rows * shape.tokens, 'buffers of another shape');
  assert(
    weight <= into.targetIds.length,
    `${weight} target tokens where there is room for ${into.targetIds.length}`,
  );
  for (const ofRow of rows) {
    const unknown = ofRow.find((sample) => sample >= samples.size);
    assert(unknown === undefined, `sample ${unknown} of a data set of ${samples.size}`);
    const tokens = ofRow.reduce((sum, sample) => sum + (samples.lengths[sample] ?? 0), 0);
    assert(
      tokens <= shape.tokens,
      `samples ${ofRow.join(', ')} of ${tokens} tokens in a row of ${shape.tokens}`,
    );
  }
}

import { assert, placesIn, samplesIn, shapeKey } from '@microtune/shared';
import { ignoreIndex } from './dataset.js';
import { boundsOf } from './token-store.js';
import type { Shard, ShardShape } from '@microtune/shared';
import type { Batch, LabelMapping, TokenizedDataset } from './dataset.js';

export interface BatcherOptions {
  readonly padTokenId: number;
  readonly problemType: LabelMapping['problemType'];
}

/** Makes the padded batch of a shard, in buffers that the next shard of the same shape reuses. */
export type Batcher = (shard: Shard) => Batch;

type Buffers = Omit<Batch, 'shape' | 'rows' | 'weight'>;

/** @returns a function that throws MicrotuneError `internal` for a shard that does not fit its own shape */
export function createBatcher(dataset: TokenizedDataset, options: BatcherOptions): Batcher {
  const buffersByShape = new Map<string, Buffers>();
  return (shard) => {
    const { shape, rows } = shard;
    checkFit(shard, dataset);
    const buffers = buffersByShape.get(shapeKey(shape)) ?? createBuffers(shape);
    buffersByShape.set(shapeKey(shape), buffers);
    fillTokens(buffers, { dataset, shard, padTokenId: options.padTokenId });
    fillLabels(buffers, { dataset, shard, problemType: options.problemType });
    return { shape, rows, weight: samplesIn(shard).length, ...buffers };
  };
}

function checkFit({ shape, rows }: Shard, dataset: TokenizedDataset): void {
  assert(rows.length <= shape.rows, `${rows.length} rows in a shard of ${shape.rows}`);
  for (const samples of rows) {
    const unknown = samples.find((sample) => sample >= dataset.size);
    assert(unknown === undefined, `sample ${unknown} of a data set of ${dataset.size}`);
    assert(
      samples.length <= shape.samplesPerRow,
      `${samples.length} samples in a row for ${shape.samplesPerRow}`,
    );
    const tokens = samples.reduce((sum, sample) => sum + (dataset.lengths[sample] ?? 0), 0);
    assert(
      tokens <= shape.tokens,
      `samples ${samples.join(', ')} of ${tokens} tokens in a row of ${shape.tokens}`,
    );
  }
}

function createBuffers({ rows, tokens, samplesPerRow }: ShardShape): Buffers {
  const [cells, places] = [rows * tokens, rows * samplesPerRow];
  return {
    inputIds: new Int32Array(cells),
    positionIds: new Int32Array(cells),
    sampleOfToken: new Float32Array(cells),
    tokenTypeIds: new Int32Array(cells),
    firstTokens: new Int32Array(places),
    labelIds: new Int32Array(places),
    targets: new Float32Array(places),
    labelWeights: new Float32Array(places),
  };
}

function fillTokens(
  buffers: Buffers,
  about: { dataset: TokenizedDataset; shard: Shard; padTokenId: number },
): void {
  const { dataset, shard, padTokenId } = about;
  const { tokens: rowTokens, samplesPerRow } = shard.shape;
  buffers.inputIds.fill(padTokenId);
  buffers.positionIds.fill(0);
  buffers.sampleOfToken.fill(0);
  buffers.tokenTypeIds.fill(0);
  buffers.firstTokens.fill(0);
  for (const [row, samples] of shard.rows.entries()) {
    let start = row * rowTokens;
    for (const [place, sample] of samples.entries()) {
      const [from, to] = boundsOf(dataset, sample);
      const end = start + to - from;
      buffers.inputIds.set(dataset.ids.subarray(from, to), start);
      buffers.tokenTypeIds.set(dataset.typeIds.subarray(from, to), start);
      buffers.sampleOfToken.fill(place + 1, start, end);
      for (let at = start; at < end; at++) buffers.positionIds[at] = at - start;
      buffers.firstTokens[row * samplesPerRow + place] = start - row * rowTokens;
      start = end;
    }
  }
}

function fillLabels(
  buffers: Buffers,
  about: {
    dataset: TokenizedDataset;
    shard: Shard;
    problemType: BatcherOptions['problemType'];
  },
): void {
  const { dataset, shard, problemType } = about;
  buffers.labelIds.fill(ignoreIndex);
  buffers.targets.fill(0);
  buffers.labelWeights.fill(0);
  for (const { sample, place } of placesIn(shard)) {
    const label = dataset.labels[sample] ?? 0;
    if (problemType === 'regression') buffers.targets[place] = label;
    else buffers.labelIds[place] = label;
    buffers.labelWeights[place] = 1;
  }
}

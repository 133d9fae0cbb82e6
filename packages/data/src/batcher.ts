import { assert, placesIn, samplesIn, shapeKey } from '@microtune/shared';
import { ignoreIndex } from './dataset.js';
import { boundsOf } from './token-store.js';
import type { Shard, ShardShape } from '@microtune/shared';
import type {
  Batch,
  LabelMapping,
  TokenBatch,
  TokenizedDataset,
  TokenizedTexts,
} from './dataset.js';

export interface BatcherOptions {
  readonly padTokenId: number;
  readonly problemType: LabelMapping['problemType'];
}

/** Makes the padded batch of a shard, in buffers that the next shard of the same shape reuses. */
export type Batcher = (shard: Shard) => Batch;
/** The same for texts without labels. */
export type TokenBatcher = (shard: Shard) => TokenBatch;

type TokenBuffers = Omit<TokenBatch, 'shape' | 'rows'>;
type LabelBuffers = Pick<Batch, 'labelIds' | 'targets' | 'labelWeights'>;

/** @returns a function that throws MicrotuneError `internal` for a shard that does not fit its own shape */
export function createBatcher(dataset: TokenizedDataset, options: BatcherOptions): Batcher {
  const tokens = createTokenBatcher(dataset, options);
  const buffersOf = perShape(createLabelBuffers);
  return (shard) => {
    const batch = tokens(shard);
    const labels = buffersOf(shard.shape);
    fillLabels(labels, { dataset, shard, problemType: options.problemType });
    return { ...batch, ...labels, weight: samplesIn(shard).length };
  };
}

/** As `createBatcher`, for texts whose labels nobody knows. */
export function createTokenBatcher(
  texts: TokenizedTexts,
  { padTokenId }: Pick<BatcherOptions, 'padTokenId'>,
): TokenBatcher {
  const buffersOf = perShape(createTokenBuffers);
  return (shard) => {
    const { shape, rows } = shard;
    checkFit(shard, texts);
    const buffers = buffersOf(shape);
    fillTokens(buffers, { texts, shard, padTokenId });
    return { shape, rows, ...buffers };
  };
}

function perShape<Made>(make: (shape: ShardShape) => Made): (shape: ShardShape) => Made {
  const known = new Map<string, Made>();
  return (shape) => {
    const key = shapeKey(shape);
    const made = known.get(key) ?? make(shape);
    known.set(key, made);
    return made;
  };
}

function checkFit({ shape, rows }: Shard, texts: TokenizedTexts): void {
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

function createTokenBuffers({ rows, tokens, samplesPerRow }: ShardShape): TokenBuffers {
  const [cells, places] = [rows * tokens, rows * samplesPerRow];
  return {
    inputIds: new Int32Array(cells),
    positionIds: new Int32Array(cells),
    sampleOfToken: new Float32Array(cells),
    tokenTypeIds: new Int32Array(cells),
    firstTokens: new Int32Array(places),
  };
}

function createLabelBuffers({ rows, samplesPerRow }: ShardShape): LabelBuffers {
  const places = rows * samplesPerRow;
  return {
    labelIds: new Int32Array(places),
    targets: new Float32Array(places),
    labelWeights: new Float32Array(places),
  };
}

function fillTokens(
  buffers: TokenBuffers,
  about: { texts: TokenizedTexts; shard: Shard; padTokenId: number },
): void {
  const { texts, shard, padTokenId } = about;
  const { tokens: rowTokens, samplesPerRow } = shard.shape;
  buffers.inputIds.fill(padTokenId);
  buffers.positionIds.fill(0);
  buffers.sampleOfToken.fill(0);
  buffers.tokenTypeIds.fill(0);
  buffers.firstTokens.fill(0);
  for (const [row, samples] of shard.rows.entries()) {
    let start = row * rowTokens;
    for (const [place, sample] of samples.entries()) {
      const [from, to] = boundsOf(texts, sample);
      const end = start + to - from;
      buffers.inputIds.set(texts.ids.subarray(from, to), start);
      buffers.tokenTypeIds.set(texts.typeIds.subarray(from, to), start);
      buffers.sampleOfToken.fill(place + 1, start, end);
      for (let at = start; at < end; at++) buffers.positionIds[at] = at - start;
      buffers.firstTokens[row * samplesPerRow + place] = start - row * rowTokens;
      start = end;
    }
  }
}

function fillLabels(
  buffers: LabelBuffers,
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

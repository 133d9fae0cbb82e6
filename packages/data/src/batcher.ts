import { assert } from '@microtune/shared';
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

type Buffers = Omit<Batch, 'rows' | 'tokens' | 'samples' | 'weight'>;

/** @returns a function that throws MicrotuneError `internal` for a shard that does not fit its own shape */
export function createBatcher(dataset: TokenizedDataset, options: BatcherOptions): Batcher {
  const buffersByShape = new Map<string, Buffers>();
  return ({ shape, samples }) => {
    assert(
      samples.length <= shape.rows,
      `${samples.length} samples in a shard of ${shape.rows} rows`,
    );
    const key = `${shape.rows}x${shape.tokens}`;
    const buffers = buffersByShape.get(key) ?? createBuffers(shape);
    buffersByShape.set(key, buffers);
    fillTokens(buffers, { dataset, shape, samples, padTokenId: options.padTokenId });
    fillLabels(buffers, { dataset, samples, problemType: options.problemType });
    return { rows: shape.rows, tokens: shape.tokens, samples, weight: samples.length, ...buffers };
  };
}

function createBuffers({ rows, tokens }: ShardShape): Buffers {
  return {
    inputIds: new Int32Array(rows * tokens),
    attentionMask: new Float32Array(rows * tokens),
    tokenTypeIds: new Int32Array(rows * tokens),
    labelIds: new Int32Array(rows),
    targets: new Float32Array(rows),
    rowWeights: new Float32Array(rows),
  };
}

function fillTokens(
  buffers: Buffers,
  about: {
    dataset: TokenizedDataset;
    shape: ShardShape;
    samples: readonly number[];
    padTokenId: number;
  },
): void {
  const { dataset, shape, samples, padTokenId } = about;
  buffers.inputIds.fill(padTokenId);
  buffers.attentionMask.fill(0);
  buffers.tokenTypeIds.fill(0);
  for (const [row, sample] of samples.entries()) {
    assert(sample < dataset.size, `sample ${sample} of a data set of ${dataset.size}`);
    const [from, to] = boundsOf(dataset, sample);
    assert(
      to - from <= shape.tokens,
      `sample ${sample} of ${to - from} tokens in a shard of ${shape.tokens}`,
    );
    const start = row * shape.tokens;
    buffers.inputIds.set(dataset.ids.subarray(from, to), start);
    buffers.tokenTypeIds.set(dataset.typeIds.subarray(from, to), start);
    buffers.attentionMask.fill(1, start, start + to - from);
  }
  // A row that attends to nothing has no softmax; its result weighs nothing anyway.
  for (let row = samples.length; row < shape.rows; row++)
    buffers.attentionMask[row * shape.tokens] = 1;
}

function fillLabels(
  buffers: Buffers,
  about: {
    dataset: TokenizedDataset;
    samples: readonly number[];
    problemType: BatcherOptions['problemType'];
  },
): void {
  const { dataset, samples, problemType } = about;
  buffers.labelIds.fill(ignoreIndex);
  buffers.targets.fill(0);
  buffers.rowWeights.fill(0);
  for (const [row, sample] of samples.entries()) {
    const label = dataset.labels[sample] ?? 0;
    if (problemType === 'regression') buffers.targets[row] = label;
    else buffers.labelIds[row] = label;
    buffers.rowWeights[row] = 1;
  }
}

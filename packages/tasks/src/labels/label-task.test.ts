import type { TokenizedDataset } from '@microtune/data';
import type { LabelTask } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import { tokenInputs } from '../token-inputs.js';
import { classIds, targets, targetWeights } from './label-inputs.js';
import { labelTask } from './label-task.js';

const dataset: TokenizedDataset = {
  size: 3,
  lengths: Int32Array.of(3, 2, 4),
  ids: Int32Array.of(2, 10, 3, 2, 3, 2, 11, 12, 3),
  offsets: Int32Array.of(0, 3, 5, 9),
  typeIds: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 1),
  cut: new Uint8Array(3),
  labels: Float32Array.of(1, 0, 2),
  contentHash: '',
};
const shape = { rows: 3, tokens: 4, samplesPerRow: 1 };
const classes: LabelTask = { kind: 'sequence-classification', labels: ['a', 'b', 'c'] };
const regression: LabelTask = { kind: 'regression' };
const tokens = Object.values(tokenInputs);

const collator = (task: LabelTask, padTokenId = 9) =>
  labelTask(task, { labelSmoothing: 0 }).collator(
    dataset,
    [...tokens, ...(task.kind === 'regression' ? [targets, targetWeights] : [classIds])],
    { padTokenId },
  );

describe('the collator of labelled texts', () => {
  it('pads rows, and leaves missing ones empty', () => {
    expect(collator(classes)({ shape, rows: [[2], [0]] })).toEqual({
      shape,
      rows: [[2], [0]],
      inputs: {
        input_ids: Int32Array.of(2, 11, 12, 3, 2, 10, 3, 9, 9, 9, 9, 9),
        position_ids: Int32Array.of(0, 1, 2, 3, 0, 1, 2, 0, 0, 0, 0, 0),
        sample_of_token: Float32Array.of(1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0),
        token_type_ids: Int32Array.of(0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0),
        first_tokens: Int32Array.of(0, 0, 0),
        last_tokens: Int32Array.of(3, 6, 0),
        labels: Int32Array.of(2, 1, -100),
      },
      weight: 2,
    });
  });

  it('packs samples of a row one behind the other', () => {
    const packed = { rows: 2, tokens: 6, samplesPerRow: 3 };
    expect(collator(classes)({ shape: packed, rows: [[0, 1], [2]] })).toMatchObject({
      inputs: {
        input_ids: Int32Array.of(2, 10, 3, 2, 3, 9, 2, 11, 12, 3, 9, 9),
        position_ids: Int32Array.of(0, 1, 2, 0, 1, 0, 0, 1, 2, 3, 0, 0),
        sample_of_token: Float32Array.of(1, 1, 1, 2, 2, 0, 1, 1, 1, 1, 0, 0),
        token_type_ids: Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0),
        first_tokens: Int32Array.of(0, 3, 0, 0, 0, 0),
        labels: Int32Array.of(1, 0, -100, 2, -100, -100),
      },
      weight: 3,
    });
  });

  it('gives targets and their weights to a regression, and reuses buffers without leaving traces', () => {
    const batch = collator(regression, 0);
    const first = batch({ shape, rows: [[2], [0], [1]] });
    expect(first.inputs).toMatchObject({
      labels: Float32Array.of(2, 1, 0),
      label_weights: Float32Array.of(1, 1, 1),
    });
    const second = batch({ shape, rows: [[1]] });
    expect(second.inputs['input_ids']).toBe(first.inputs['input_ids']);
    expect(second).toEqual(collator(regression, 0)({ shape, rows: [[1]] }));
    expect(second.inputs['label_weights']).toEqual(Float32Array.of(1, 0, 0));
    const other = batch({ shape: { ...shape, rows: 1 }, rows: [[1]] });
    expect(other.inputs['input_ids']).not.toBe(first.inputs['input_ids']);
  });

  it('breaks loudly on a shard that does not fit', () => {
    const batch = collator(regression);
    const one = { rows: 1, tokens: 3, samplesPerRow: 1 };
    expect(() => batch({ shape: one, rows: [[2]] })).toThrow(/4 tokens in a row of 3/);
    expect(() => batch({ shape: one, rows: [[0], [1]] })).toThrow(/2 rows in a shard of 1/);
    expect(() => batch({ shape: one, rows: [[0, 1]] })).toThrow(/2 samples in a row for 1/);
    expect(() => batch({ shape, rows: [[3]] })).toThrow(/sample 3 of a data set of 3/);
  });

  it('refuses a program that reads what no label gives', () => {
    const task = labelTask(classes, { labelSmoothing: 0 });
    expect(() => task.collator(dataset, [targetWeights], { padTokenId: 0 })).toThrow(
      'the task gives no input "label_weights"',
    );
  });
});

describe('scores', () => {
  it('are the same however the split is cut into shards', () => {
    const task = labelTask(classes, { labelSmoothing: 0 });
    const score = (rows: number[][][]) =>
      task.score(
        rows.map((own) => {
          const shard = { shape, rows: own };
          const batch = { ...shard, inputs: {}, weight: own.length };
          const logits = new Float32Array(9);
          own.forEach(([sample = 0], row) => logits.set([sample, 1, 0.5], 3 * row));
          return { shard, digest: task.digest(batch, { logits }) };
        }),
        dataset,
      );
    const whole = score([[[0], [1], [2]]]);
    expect(Object.keys(whole)).toEqual(task.metricNames);
    expect(score([[[2]], [[0], [1]]])).toEqual(whole);
  });
});

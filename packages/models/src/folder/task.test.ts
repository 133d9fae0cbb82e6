import { describe, expect, it } from 'vitest';
import { resolveTask, withTask, type TaskOptions } from './task.js';

const resolve = (config: object, options: TaskOptions = {}): unknown =>
  resolveTask(config as Record<string, unknown>, options, 'config.json');

describe('resolveTask', () => {
  it('takes two classes where nobody says anything', () => {
    expect(resolve({})).toEqual({
      problemType: 'single_label_classification',
      numLabels: 2,
      labels: ['LABEL_0', 'LABEL_1'],
    });
  });

  it('honours id2label and problem_type of the file', () => {
    expect(resolve({ id2label: { 1: 'good', 0: 'bad' } })).toMatchObject({
      labels: ['bad', 'good'],
    });
    expect(resolve({ id2label: { 0: 'score' } })).toMatchObject({ problemType: 'regression' });
  });

  it('lets options win', () => {
    const file = { id2label: { 0: 'bad', 1: 'good' }, problem_type: 'single_label_classification' };
    expect(resolve(file, { problemType: 'regression' })).toMatchObject({
      numLabels: 1,
      labels: ['LABEL_0'],
    });
    expect(resolve(file, { labels: ['x', 'y', 'z'] })).toMatchObject({
      numLabels: 3,
      labels: ['x', 'y', 'z'],
    });
    expect(resolve(file, { numLabels: 2, labels: [] })).toMatchObject({ labels: ['bad', 'good'] });
  });

  it.each<[string, object, TaskOptions, string]>([
    [
      'two counts',
      {},
      { numLabels: 3, labels: ['a', 'b'] },
      'num_labels is 3, but there are 2 labels',
    ],
    [
      'one class',
      {},
      { numLabels: 1, problemType: 'single_label_classification' },
      'at least 2 labels',
    ],
    ['wide regression', {}, { numLabels: 2, problemType: 'regression' }, 'predicts one number'],
    ['multi-label', { problem_type: 'multi_label_classification' }, {}, 'is not supported'],
    ['a hole in the ids', { id2label: { 0: 'a', 2: 'b' } }, {}, 'none for 1'],
    ['no text', { id2label: { 0: 1 } }, {}, 'id2label'],
  ])('refuses %s', (_, config, options, message) => {
    expect(() => resolve(config, options)).toThrow(message);
  });

  it('writes what it resolved, and keeps other keys', () => {
    const task = resolveTask({}, { labels: ['no', 'yes'] }, 'config.json');
    const written = withTask({ num_labels: 7, vocab_size: 9 }, task);
    expect(written).toEqual({
      num_labels: 2,
      vocab_size: 9,
      id2label: { 0: 'no', 1: 'yes' },
      label2id: { no: 0, yes: 1 },
      problem_type: 'single_label_classification',
    });
    expect(resolveTask(written, {}, 'config.json')).toEqual(task);
  });
});

import { describe, expect, it } from 'vitest';
import { resolveTask, withTask, type TaskOptions } from './task.js';

const resolve = (config: object, options: TaskOptions = {}): unknown =>
  resolveTask(config as Record<string, unknown>, options, 'config.json');
const classes = (...labels: string[]) => ({ kind: 'sequence-classification', labels }) as const;

describe('resolveTask', () => {
  it('takes two classes where nobody says anything', () => {
    expect(resolve({})).toEqual(classes('LABEL_0', 'LABEL_1'));
  });

  it('honours id2label of the file', () => {
    expect(resolve({ id2label: { 1: 'good', 0: 'bad' } })).toEqual(classes('bad', 'good'));
    expect(resolve({ id2label: { 0: 'score' } })).toEqual({ kind: 'regression' });
    expect(resolve({ num_labels: 3 })).toEqual(classes('LABEL_0', 'LABEL_1', 'LABEL_2'));
  });

  it('takes a language model for one, unless labels are asked of it', () => {
    const llama = { architectures: ['LlamaForCausalLM'] };
    expect(resolve(llama)).toEqual({ kind: 'causal-lm' });
    expect(resolve({ architectures: ['GPT2LMHeadModel'] })).toEqual({ kind: 'causal-lm' });
    expect(resolve(llama, { numLabels: 2 })).toEqual(classes('LABEL_0', 'LABEL_1'));
    expect(withTask(llama, { kind: 'causal-lm' })).toEqual(llama);
    const classifier = { architectures: ['LlamaForSequenceClassification'] };
    expect(resolve(classifier)).toEqual(classes('LABEL_0', 'LABEL_1'));
  });

  it('lets options win', () => {
    const file = { id2label: { 0: 'bad', 1: 'good' }, problem_type: 'single_label_classification' };
    expect(resolve(file, { task: { kind: 'regression' } })).toEqual({ kind: 'regression' });
    expect(resolve(file, { task: classes('x', 'y', 'z') })).toEqual(classes('x', 'y', 'z'));
    expect(resolve(file, { numLabels: 2 })).toEqual(classes('bad', 'good'));
    expect(resolve(file, { numLabels: 1 })).toEqual({ kind: 'regression' });
  });

  it.each<[string, object, TaskOptions, string]>([
    ['one class', {}, { task: classes('a') }, 'at least 2 labels'],
    ['multi-label', { problem_type: 'multi_label_classification' }, {}, 'is not supported'],
    ['a hole in the ids', { id2label: { 0: 'a', 2: 'b' } }, {}, 'none for 1'],
    ['no text', { id2label: { 0: 1 } }, {}, 'id2label'],
  ])('refuses %s', (_, config, options, message) => {
    expect(() => resolve(config, options)).toThrow(message);
  });

  it('writes what it resolved, and keeps other keys', () => {
    const task = classes('no', 'yes');
    const written = withTask({ num_labels: 7, vocab_size: 9 }, task);
    expect(written).toEqual({
      num_labels: 2,
      vocab_size: 9,
      id2label: { 0: 'no', 1: 'yes' },
      label2id: { no: 0, yes: 1 },
      problem_type: 'single_label_classification',
    });
    expect(resolve(written)).toEqual(task);
  });

  it('keeps the name of the one output of a regression', () => {
    const written = withTask({ id2label: { 0: 'stars' } }, { kind: 'regression' });
    expect(written).toMatchObject({
      id2label: { 0: 'stars' },
      label2id: { stars: 0 },
      problem_type: 'regression',
    });
    expect(withTask({ id2label: { 0: 'a', 1: 'b' } }, { kind: 'regression' })).toMatchObject({
      id2label: { 0: 'LABEL_0' },
    });
  });
});

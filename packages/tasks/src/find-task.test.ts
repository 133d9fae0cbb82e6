import type { Row } from '@microtune/data';
import { parseRunConfig, type RunConfig } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import { findTask, taskOfOptions } from './find-task.js';

const decoder = { readsForward: true, hasLabelHead: false };
const classifier = { readsForward: true, hasLabelHead: true };
const encoder = { readsForward: false, hasLabelHead: false };

const config = (more: Partial<RunConfig> = {}) =>
  parseRunConfig({ modelNameOrPath: 'm', trainFile: 'rows.jsonl', ...more });
const row = (...columns: string[]): Row => ({
  values: Object.fromEntries(columns.map((name) => [name, ''])),
  file: 'rows.jsonl',
  line: 1,
});

describe('the task of a run that names none', () => {
  it.each([
    [['messages'], 'conversations in "messages", no "label"'],
    [['conversations', 'source'], 'conversations in "conversations", no "label"'],
    [['prompt', 'completion'], 'prompts and completions in "prompt" and "completion", no "label"'],
    [['text'], 'documents in "text", no "label"'],
    [['id', 'text'], 'documents in "text", no "label"'],
  ])('is that of a language model for %s, with the reason', (columns, reason) => {
    expect(findTask(row(...columns), decoder, config())).toEqual({ task: 'causal-lm', reason });
  });

  it.each([
    ['a text with a label', ['text', 'label'], {}],
    ['a text with the label that was named', ['text', 'stars'], { labelColumnName: 'stars' }],
    ['a pair', ['premise', 'other', 'label'], { textColumnNames: 'premise,other' }],
    ['a number of labels', ['text', 'stars'], { numLabels: 5 }],
    ['a column that no language model reads by name', ['sentence', 'label'], {}],
  ])('is labels for %s', (_, columns, more) => {
    for (const model of [decoder, classifier]) {
      expect(findTask(row(...columns), model, config(more))).toEqual({
        task: 'sequence-classification',
        reason: undefined,
      });
    }
  });

  it('is labels for a model that sees the whole text, whatever the rows are', () => {
    expect(findTask(row('messages'), encoder, config()).task).toBe('sequence-classification');
  });

  it.each([
    [
      'documents with something that may be a label',
      ['text', 'stars'],
      decoder,
      /"stars" beside "text"/,
    ],
    ['conversations with labels', ['messages', 'label'], decoder, /and labels in "label"/],
    ['conversations for a model with a head', ['messages'], classifier, /has a head for them/],
    ['columns without a meaning', ['question', 'answer'], decoder, /"question", "answer": neither/],
    ['rows of several kinds', ['messages', 'text'], decoder, /neither/],
  ])('is not guessed of %s', (_, columns, model, message) => {
    const find = () => findTask(row(...columns), model, config());
    expect(find).toThrow(message);
    expect(find).toThrow(/^rows\.jsonl: .*--task causal-lm, or .*--label_column_name$/);
  });

  it('is settled by an option of language models alone', () => {
    expect(taskOfOptions(config({ asChat: true }))).toEqual({
      task: 'causal-lm',
      reason: 'because of --as_chat',
    });
    expect(taskOfOptions(config({ textColumnNames: 'body' }))).toBeUndefined();
  });
});

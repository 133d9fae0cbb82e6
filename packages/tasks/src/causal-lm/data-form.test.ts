import { describe, expect, it } from 'vitest';
import { findDataForm, formText, type FormOptions } from './data-form.js';

function find(columns: readonly string[], options: FormOptions = {}) {
  const values = Object.fromEntries(columns.map((name) => [name, '']));
  return findDataForm({ values, columns, file: 'rows.jsonl', line: 1 }, options);
}

describe('the form of data', () => {
  it.each([
    [['text', 'label'], {}, 'documents in "text"'],
    [['prompt', 'completion'], {}, 'prompts and completions in "prompt" and "completion"'],
    [['messages', 'id'], {}, 'conversations in "messages"'],
    [['conversations'], {}, 'conversations in "conversations"'],
    [['a', 'b'], { textColumnNames: ['b'] }, 'documents in "b"'],
    [['text', 'talk'], { messagesColumn: 'talk' }, 'conversations in "talk"'],
    [
      ['question', 'answer', 'text'],
      { promptColumn: 'question', completionColumn: 'answer' },
      'prompts and completions in "question" and "answer"',
    ],
    [
      ['prompt', 'answer'],
      { completionColumn: 'answer', asChat: true },
      'conversations of one question and answer in "prompt" and "answer"',
    ],
    [
      ['prompt', 'completion'],
      { asChat: true },
      'conversations of one question and answer in "prompt" and "completion"',
    ],
  ] as const)('of columns %j with %j: %s', (columns, options, text) => {
    expect(formText(find(columns, options))).toBe(text);
  });

  it.each([
    [
      ['question', 'answer'],
      {},
      'data',
      /no column tells what the rows are; .* found "question", "answer"; choose with .*--prompt_column and --completion_column/,
    ],
    [
      ['text', 'messages'],
      {},
      'data',
      /can be read as conversations in "messages", or as documents in "text"; choose/,
    ],
    [
      ['text'],
      { messagesColumn: 'talk' },
      'data',
      /no column "talk"; the file has "text" \(choose with --messages_column/,
    ],
    [['prompt'], { promptColumn: 'prompt' }, 'data', /no column "completion"/],
    [
      ['a', 'b'],
      { textColumnNames: ['a'], promptColumn: 'b' },
      'usage',
      /--text_column_names and --prompt_column and --completion_column exclude each other/,
    ],
    [['a', 'b'], { textColumnNames: ['a', 'b'] }, 'usage', /a language model reads one text a row/],
    [['text'], { asChat: true }, 'usage', /as_chat makes conversations of prompts/],
  ] as const)('of columns %j with %j is an error', (columns, options, code, message) => {
    expect(() => find(columns, options)).toThrow(message);
    expect(() => find(columns, options)).toThrow(expect.objectContaining({ code }) as Error);
  });
});

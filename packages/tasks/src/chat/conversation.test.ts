import { describe, expect, it } from 'vitest';
import { readConversation } from './conversation.js';

const place = { row: { file: 'chats.jsonl', line: 7 }, column: 'messages' };
const read = (value: unknown) => readConversation(value, place);
const say = (role: string, content: unknown = 'x') => ({ role, content });

describe('a conversation', () => {
  it('has system turns first, then several rounds; further fields stay', () => {
    const messages = [
      say('system'),
      say('user'),
      { ...say('assistant'), name: 'Ada' },
      say('user'),
      say('assistant'),
    ];
    expect(read(messages)).toEqual(messages);
  });

  it('may come as JSON in a csv file', () => {
    expect(read(' [{"role": "user", "content": "hi"}]')).toEqual([say('user', 'hi')]);
  });

  it('may come in the form of ShareGPT', () => {
    const value = [
      { from: 'system', value: 'be kind' },
      { from: 'human', value: 'hi' },
      { from: 'gpt', value: 'hello', weight: 1 },
    ];
    expect(read(value)).toEqual([
      say('system', 'be kind'),
      say('user', 'hi'),
      { ...say('assistant', 'hello'), weight: 1 },
    ]);
  });

  it('may have contents in parts of text', () => {
    const parts = [{ type: 'text', text: 'a' }, { text: 'b' }];
    expect(read([say('user', parts)])).toEqual([say('user', 'ab')]);
  });

  it('may call tools', () => {
    const call = { ...say('assistant', null), tool_calls: [{ name: 'add' }] };
    const messages = [say('user'), call, say('tool', '3'), say('assistant', 'three')];
    expect(read(messages)).toEqual([
      say('user'),
      { ...call, content: '' },
      say('tool', '3'),
      say('assistant', 'three'),
    ]);
  });
});

describe('is refused with file, row and message:', () => {
  it.each([
    ['no list', { a: 1 }, /expected a list of messages, e\.g\. .*, found object$/],
    ['a text', 'hello there', /expected a list of messages, .* found the text "hello there"$/],
    ['broken JSON', '[{"role"', /expected a list of messages, .* found the text/],
    ['nothing', undefined, /expected a list of messages, .* found nothing$/],
    ['an empty list', [], /the list of messages is empty$/],
    ['a message that is no object', ['hi'], /message 1: expected an object .* the text "hi"$/],
    ['a message without a role', [{ content: 'x' }], /message 1: has no role; the roles are/],
    [
      'an unknown role',
      [say('user'), say('bot')],
      /message 2: has the role "bot"; the roles are "system", "developer", "user", /,
    ],
    ['an unknown sender', [{ from: 'bing', value: 'x' }], /message 1: has the role "bing"/],
    ['half of each form', [{ from: 'human', content: 'x' }], /message 1: has no role/],
    ['a content that is no text', [say('user', 5)], /message 1: expected content that is text/],
    ['a picture', [say('user', [{ type: 'image' }])], /content that is text, found a list$/],
    [
      'an empty assistant turn',
      [say('user'), say('assistant', ' \n')],
      /message 2: the assistant says nothing; drop the row/,
    ],
    [
      'an assistant without words or calls',
      [say('user'), { ...say('assistant', null), tool_calls: [] }],
      /message 2: expected content that is text, found null$/,
    ],
    [
      'two user turns',
      [say('user'), say('user')],
      /message 2: the role user is out of order: after user comes assistant$/,
    ],
    [
      'an assistant that begins',
      [say('assistant')],
      /message 1: the role assistant is out of order: at the start comes system or developer or user$/,
    ],
    [
      'a system turn in the middle',
      [say('user'), say('system')],
      /message 2: the role system is out of order/,
    ],
  ])('%s', (_, value, message) => {
    expect(() => read(value)).toThrow(message);
    expect(() => read(value)).toThrow(/^chats\.jsonl:7: column "messages": /);
  });
});

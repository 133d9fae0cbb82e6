import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSpanTokenizer } from '@microtune/data';
import { afterAll, assert, describe, expect, it } from 'vitest';
import { learnedTokens } from '../causal-lm/learned-tokens.js';
import { loadChatTemplate } from './chat-template.js';
import { formatDate } from './format-date.js';
import { renderTurns } from './render-turns.js';
import type { Conversation } from './conversation.js';

/** By transformers: oracle/make_chats.py. */
const oracle = JSON.parse(
  readFileSync(new URL('../../oracle/chats.json', import.meta.url), 'utf8'),
) as {
  templates: Record<string, string>;
  conversations: Record<string, Conversation>;
  cases: ({ tokenizer: string; template: string; conversation: string } & (
    | { error: string }
    | { error: undefined; text: string; prompt: string; ids: number[]; mask: number[] }
  ))[];
  dates: { day: [number, number, number, number, number, number]; formats: Record<string, string> };
};
const oracleFolder = (name: string): string =>
  fileURLToPath(new URL(`../../oracle/${name}`, import.meta.url));

const scratch = mkdtempSync(join(tmpdir(), 'microtune-chats-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const today = new Date(2024, 6, 26);

let folders = 0;
/** A model folder with these files. */
function modelFolder(files: Readonly<Record<string, unknown>>): string {
  const folder = join(scratch, String(folders++));
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(
      join(folder, name),
      typeof content === 'string' ? content : JSON.stringify(content),
    );
  }
  return folder;
}

async function templateOf(files: Readonly<Record<string, unknown>>, name?: string) {
  const template = await loadChatTemplate(modelFolder(files), { today, name });
  assert(template, 'the folder has a template');
  return template;
}

const hello: Conversation = [{ role: 'user', content: 'hello' }];
const render = { addGenerationPrompt: false };

describe('texts, tokens and assistant tokens are those of transformers', () => {
  for (const tokenizerName of ['bytes', 'spaces']) {
    const config = JSON.parse(
      readFileSync(join(oracleFolder(tokenizerName), 'tokenizer_config.json'), 'utf8'),
    ) as Record<string, unknown>;
    for (const [style, source] of Object.entries(oracle.templates)) {
      it(`${style} with the tokenizer of ${tokenizerName}`, async () => {
        const tokenizer = await loadSpanTokenizer(oracleFolder(tokenizerName));
        const template = await templateOf({
          'tokenizer_config.json': { ...config, chat_template: source },
        });
        const cases = oracle.cases.filter(
          (each) => each.tokenizer === tokenizerName && each.template === style,
        );
        expect(cases).toHaveLength(Object.keys(oracle.conversations).length);
        for (const expected of cases) {
          const messages = oracle.conversations[expected.conversation] ?? [];
          if (expected.error !== undefined) {
            expect(() => template.render(messages, render)).toThrow(
              `refuses the messages: ${expected.error}`,
            );
            continue;
          }
          const prompt = template.render(messages, { addGenerationPrompt: true });
          expect(prompt).toBe(expected.prompt);
          const { controlTokens } = tokenizer;
          const { text, turns, openTurns } = renderTurns(messages, { template, controlTokens });
          expect({ text, openTurns }).toEqual({ text: expected.text, openTurns: 0 });
          const [tokens] = await tokenizer.encode([text], { addSpecialTokens: false });
          assert(tokens, 'one text gives one encoding');
          expect(tokens.ids).toEqual(expected.ids);
          const { flags } = learnedTokens(text, turns, tokens);
          expect([...flags], expected.conversation).toEqual(expected.mask);
        }
      });
    }
  }
});

describe('where a template stands', () => {
  it('chat_template.jinja goes before tokenizer_config.json, as in transformers', async () => {
    const template = await templateOf({
      'chat_template.jinja': 'of the file',
      'tokenizer_config.json': { chat_template: 'of the configuration' },
    });
    expect(template.render(hello, render)).toBe('of the file');
    expect(template.origin).toMatch(/chat_template\.jinja$/);
  });

  it('of several named ones "default" is taken, or the one asked for', async () => {
    const files = {
      'tokenizer_config.json': {
        chat_template: [
          { name: 'tool_use', template: 'tools' },
          { name: 'default', template: 'plain' },
        ],
      },
    };
    expect((await templateOf(files)).render(hello, render)).toBe('plain');
    expect((await templateOf(files, 'tool_use')).render(hello, render)).toBe('tools');
    await expect(templateOf(files, 'rag')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(
        /no chat template is named "rag"; there are "tool_use", "default"/,
      ) as unknown,
    });
  });

  it('a folder without one has none', async () => {
    const folder = modelFolder({ 'tokenizer_config.json': { chat_template: null } });
    expect(await loadChatTemplate(folder, { today })).toBeUndefined();
    expect(await loadChatTemplate(modelFolder({}), { today })).toBeUndefined();
  });

  it('a file of the user goes before the folder', async () => {
    const folder = modelFolder({ 'chat_template.jinja': 'own', 'other.jinja': 'other' });
    const template = await loadChatTemplate(folder, { today, file: join(folder, 'other.jinja') });
    expect(template?.render(hello, render)).toBe('other');
    await expect(loadChatTemplate(folder, { today, file: 'none.jinja' })).rejects.toThrow(
      /none\.jinja: there is no such chat template/,
    );
  });
});

describe('what a template may ask for', () => {
  it('the tokens of the folder, written as texts or as objects', async () => {
    const template = await templateOf({
      'special_tokens_map.json': { bos_token: 'of the map', pad_token: '<pad>' },
      'tokenizer_config.json': {
        bos_token: { content: '<s>', lstrip: false },
        eos_token: '</s>',
        chat_template: '{{ bos_token }}{{ messages[0].content }}{{ eos_token }}{{ pad_token }}',
      },
    });
    expect(template.render(hello, render)).toBe('<s>hello</s><pad>');
  });

  it('the day it was handed, never the clock', async () => {
    const source = "{{ strftime_now('%d %b %Y') }}";
    const folder = modelFolder({ 'chat_template.jinja': source });
    const template = await loadChatTemplate(folder, { today });
    expect(template?.render(hello, render)).toBe('26 Jul 2024');
    expect(template?.namesToday).toBe(true);
    const later = await loadChatTemplate(folder, { today: new Date(2025, 0, 1) });
    expect(later?.contentHash).not.toBe(template?.contentHash);
  });

  it('dates as Python writes them', () => {
    const [year, month, day, ...time] = oracle.dates.day;
    const date = new Date(year, month - 1, day, ...time);
    for (const [format, text] of Object.entries(oracle.dates.formats))
      expect(formatDate(date, format)).toBe(text);
  });

  it('a template without a date has one hash for all days', async () => {
    const folder = modelFolder({ 'chat_template.jinja': 'x' });
    const [one, other] = await Promise.all([
      loadChatTemplate(folder, { today }),
      loadChatTemplate(folder, { today: new Date(2030, 1, 1) }),
    ]);
    expect(one?.contentHash).toBe(other?.contentHash);
  });

  it('range as in Python, and fields of its own of a message', async () => {
    const template = await templateOf({
      'chat_template.jinja':
        '{% for i in range(3) %}{{ i }}{% endfor %}{% for i in range(5, 1, -2) %}{{ i }}{% endfor %}{{ messages[0].name }}',
    });
    expect(template.render([{ role: 'user', content: '', name: 'Ada' }], render)).toBe('01253Ada');
  });
});

describe('a broken template is an error that says where it stands', () => {
  it.each([
    [{ 'chat_template.jinja': '{% for %}' }, /chat_template\.jinja is no template: /],
    [
      { 'tokenizer_config.json': { chat_template: 7 } },
      /tokenizer_config\.json: chat_template: expected a text or a list of \{name, template\}/,
    ],
    [{ 'tokenizer_config.json': '{' }, /tokenizer_config\.json: bad JSON/],
  ])('%j', async (files, message) => {
    await expect(templateOf(files)).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(message) as unknown,
    });
  });

  it('one that fails while it runs', async () => {
    const template = await templateOf({ 'chat_template.jinja': '{{ nothing.at.all() }}' });
    expect(() => template.render(hello, render)).toThrow(/chat_template\.jinja fails: /);
  });
});

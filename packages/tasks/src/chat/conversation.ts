/**
 * A conversation as chat templates read it: messages with roles, in the order of the talk. System messages come first, then user
 * and assistant take turns; a tool answers an assistant. What is out of order is an error: a template would render it all the
 * same, and a model would learn from it.
 */
import { dataError, listed, type Row } from '@microtune/data';
import type { MicrotuneError } from '@microtune/shared';
import { contentText } from './content-text.js';
import { fromShareGpt } from './share-gpt.js';

export const roles = ['system', 'developer', 'user', 'assistant', 'tool'] as const;
export type Role = (typeof roles)[number];

/** Further fields of the file (`name`, `tool_calls`…) stay: templates may read them. */
export interface Message {
  readonly role: Role;
  readonly content: string;
  readonly [field: string]: unknown;
}

export type Conversation = readonly Message[];

/** Where messages came from, for errors. */
export interface MessagesPlace {
  readonly row: Pick<Row, 'file' | 'line'>;
  readonly column: string;
}

/**
 * A list of `{role, content}`, or of ShareGPT's `{from, value}`; in files that hold no lists (csv), the same as JSON.
 * @throws MicrotuneError `data` naming file, row and message for anything else, an unknown role, an empty assistant turn, roles out
 *   of order
 */
export function readConversation(value: unknown, place: MessagesPlace): Conversation {
  const messages = listOf(value, place).map((entry, at) => readMessage(entry, at, place));
  if (messages.length === 0) throw badMessages(place, 'the list of messages is empty');
  checkOrder(messages, place);
  return messages;
}

function listOf(value: unknown, place: MessagesPlace): unknown[] {
  const parsed = typeof value === 'string' ? parseList(value) : value;
  if (Array.isArray(parsed)) return parsed;
  throw badMessages(
    place,
    `expected a list of messages, e.g. [{"role": "user", "content": "…"}], found ${kindOf(value)}`,
  );
}

function parseList(text: string): unknown {
  if (!text.trimStart().startsWith('[')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function readMessage(entry: unknown, at: number, place: MessagesPlace): Message {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw badMessage(place, at, `expected an object with role and content, found ${kindOf(entry)}`);
  }
  const fields = fromShareGpt(entry as Record<string, unknown>);
  const { role, content } = fields;
  if (!isRole(role)) {
    const what = role === undefined ? 'has no role' : `has the role ${JSON.stringify(role)}`;
    throw badMessage(place, at, `${what}; the roles are ${listed(roles)}`);
  }
  const isCall = Array.isArray(fields['tool_calls']) && fields['tool_calls'].length > 0;
  const text = content === null && isCall ? '' : contentText(content);
  if (text === undefined) {
    throw badMessage(place, at, `expected content that is text, found ${kindOf(content)}`);
  }
  if (role === 'assistant' && text.trim() === '' && !isCall) {
    throw badMessage(place, at, 'the assistant says nothing; drop the row or the message');
  }
  return { ...fields, role, content: text };
}

const isRole = (value: unknown): value is Role => roles.some((role) => role === value);

/** Which roles may follow each; `start` stands before the first message. */
const followers: Readonly<Record<Role | 'start', readonly Role[]>> = {
  start: ['system', 'developer', 'user'],
  system: ['system', 'developer', 'user'],
  developer: ['system', 'developer', 'user'],
  user: ['assistant'],
  assistant: ['user', 'tool'],
  tool: ['tool', 'assistant'],
};

function checkOrder(messages: Conversation, place: MessagesPlace): void {
  let before: Role | 'start' = 'start';
  for (const [at, { role }] of messages.entries()) {
    const expected: readonly Role[] = followers[before];
    if (!expected.includes(role)) {
      const where = before === 'start' ? 'at the start' : `after ${before}`;
      const message = `the role ${role} is out of order: ${where} comes ${expected.join(' or ')}`;
      throw badMessage(place, at, message);
    }
    before = role;
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return `the text ${JSON.stringify(value.slice(0, 40))}`;
  return Array.isArray(value) ? 'a list' : value === undefined ? 'nothing' : typeof value;
}

function badMessages({ row, column }: MessagesPlace, message: string): MicrotuneError {
  return dataError(row.file, row.line, `column ${JSON.stringify(column)}: ${message}`);
}

function badMessage(place: MessagesPlace, at: number, message: string): MicrotuneError {
  return badMessages(place, `message ${at + 1}: ${message}`);
}

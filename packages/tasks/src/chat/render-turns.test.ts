import { describe, expect, it } from 'vitest';
import { compileJinja } from './jinja.js';
import { renderTurns } from './render-turns.js';
import type { ChatTemplate } from './chat-template.js';
import type { Conversation } from './conversation.js';

const today = new Date(2024, 6, 26);

function templateOf(source: string): ChatTemplate {
  const compiled = compileJinja(source);
  return {
    origin: 'here',
    contentHash: '',
    namesToday: false,
    render: (messages, { addGenerationPrompt }) =>
      compiled.render({ messages, add_generation_prompt: addGenerationPrompt }, today),
  };
}

/** Texts of the assistant's turns. */
function turnsOf(messages: Conversation, source: string, fromMessage = 0) {
  const controlTokens = ['<end>'];
  const { text, turns, openTurns } = renderTurns(messages, {
    template: templateOf(source),
    controlTokens,
    fromMessage,
  });
  return { turns: turns.map(({ from, to }) => text.slice(from, to)), openTurns };
}

const talk: Conversation = [
  { role: 'user', content: 'a' },
  { role: 'assistant', content: 'b' },
  { role: 'user', content: 'c' },
  { role: 'assistant', content: 'd' },
];
const lines =
  '{% for m in messages %}{{ m.role }}: {{ m.content }}<end>\n{{ "\n" }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}';

describe('the turns of the assistant', () => {
  it('are what it says and the end token; the white space behind belongs to no turn', () => {
    expect(turnsOf(talk, lines)).toEqual({ turns: ['b<end>', 'd<end>'], openTurns: 0 });
  });

  it('that were given as a prompt are not learned', () => {
    expect(turnsOf(talk, lines, 2).turns).toEqual(['d<end>']);
  });

  it('hold the head of the turn where the prompt does not: the model has to write it', () => {
    const headless = '{% for m in messages %}{{ m.role }}: {{ m.content }}<end>{% endfor %}';
    expect(turnsOf(talk, headless).turns).toEqual(['assistant: b<end>', 'assistant: d<end>']);
  });

  it('without an end token are counted, and end with what the template writes', () => {
    const open = lines.replace('<end>', '');
    expect(turnsOf(talk, open)).toEqual({ turns: ['b\n\n', 'd\n\n'], openTurns: 2 });
  });
});

describe('a template that cannot be cut is an error that names the message', () => {
  it('one that writes earlier turns otherwise, as templates do that drop old thoughts', () => {
    const forgetful =
      '{% for m in messages %}{{ m.role }}: {% if loop.last %}think {% endif %}{{ m.content }}<end>{% endfor %}';
    expect(() => turnsOf(talk, forgetful)).toThrow(
      /^message 2: here writes the messages before this turn otherwise when it follows/,
    );
  });

  it('one that leaves the assistant out', () => {
    const mute =
      '{% for m in messages %}{% if m.role == "user" %}{{ m.content }}{% endif %}{% endfor %}';
    expect(() => turnsOf(talk, mute)).toThrow(/^message 2: /);
  });
});

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runProgram } from '../program.js';

const folder = mkdtempSync(join(tmpdir(), 'microtune-data-'));
afterAll(() => rmSync(folder, { recursive: true }));

// Conversations and a tokenizer as transformers has them: packages/tasks/oracle/make_chats.py.
const oracle = fileURLToPath(new URL('../../../tasks/oracle', import.meta.url));
const model = join(folder, 'model');
cpSync(join(oracle, 'bytes'), model, { recursive: true });
const { templates } = JSON.parse(readFileSync(join(oracle, 'chats.json'), 'utf8')) as {
  templates: { chatml: string };
};
writeFileSync(join(model, 'chat_template.jinja'), templates.chatml);
writeFileSync(join(model, 'config.json'), '{"vocab_size": 1000, "max_position_embeddings": 64}');

const file = join(folder, 'rows.jsonl');
const rows = [
  { question: 'one', answer: 'two\nthree' },
  { question: 'what is 12 plus 30?', answer: 'It is 42.' },
];
writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'));

async function inspect(...argv: string[]) {
  const written = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') =>
    new Writable({ write: (chunk: Buffer, _, done) => ((written[name] += String(chunk)), done()) });
  const code = await runProgram(['data', 'inspect', ...argv], {
    stdin: new PassThrough().end(),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    terminal: false,
    columns: 80,
    variables: {},
    cacheFolder: join(folder, 'cache'),
    commandLine: argv,
    debug: false,
  });
  return { code, ...written };
}

const asChat = ['--prompt_column', 'question', '--completion_column', 'answer', '--as_chat'];

describe('data inspect', () => {
  it('shows what is given and what is learned, and the numbers', async () => {
    const { code, stdout, stderr } = await inspect(file, '--model', model, ...asChat);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/rows are +│ conversations of one question and answer/);
    expect(stdout).toMatch(/padding +│ .* packed into 2 rows of 64/);
    expect(stdout).toContain('note: max_seq_length 1024 is above what the model takes; using 64');
    expect(stdout).toMatch(/row 1: \d+ tokens, \d+ learned/);
    expect(stdout).toContain('  | <|im_start|>user\n  | one<|im_end|>\n');
    expect(stdout).toContain('  > two\n  > three<|im_end|>\n');
  });

  it('says the same as JSON, with every token', async () => {
    const args = [file, '--model', model, ...asChat, '--samples', '1', '--json'];
    const { stdout } = await inspect(...args);
    const found = JSON.parse(stdout) as {
      shown: { parts: { learned: boolean; text: string }[] }[];
    };
    expect(found).toMatchObject({ rows: 2, samples: 2, max_seq_length: 64, cut_rows: 0 });
    expect(found.shown).toHaveLength(1);
    expect(found.shown[0]?.parts.at(-1)).toMatchObject({
      learned: true,
      text: 'two\nthree<|im_end|>',
    });
  });

  it.each([
    [[file], 64, /missing: --model/],
    [['--model', model], 64, /missing required argument 'files'/],
    [[file, '--model', model], 65, /no column tells what the rows are; .*"question", "answer"/],
    [[file, '--model', folder, ...asChat], 65, /no config\.json; expected a model folder/],
    [['none.jsonl', '--model', model, ...asChat], 65, /none\.jsonl: data file not found/],
  ])('answers %j with %i and what to do', async (argv, expected, message) => {
    const { code, stderr } = await inspect(...argv);
    expect(code).toBe(expected);
    expect(stderr).toMatch(message);
  });
});

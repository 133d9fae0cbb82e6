import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { inspectSamples, type InspectRequest } from './inspect-samples.js';

const oracle = fileURLToPath(new URL('../../oracle', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'microtune-inspect-'));
afterAll(() => rmSync(folder, { recursive: true }));

const model = join(folder, 'model');
cpSync(join(oracle, 'bytes'), model, { recursive: true });
const { templates } = JSON.parse(readFileSync(join(oracle, 'chats.json'), 'utf8')) as {
  templates: { chatml: string };
};
writeFileSync(join(model, 'chat_template.jinja'), templates.chatml);
const config = (values: object): void =>
  writeFileSync(join(model, 'config.json'), JSON.stringify(values));
config({ vocab_size: 1000, max_position_embeddings: 64 });

const rows = [
  ['one', 'two'],
  ['one', 'two'],
  ['what is 12 plus 30?', 'It is 42.'],
].map(([question, answer]) => JSON.stringify({ question, answer }));
const file = join(folder, 'rows.jsonl');
writeFileSync(file, rows.join('\n'));

const inspect = (request: Partial<InspectRequest> = {}) =>
  inspectSamples({
    files: [file],
    model,
    promptColumn: 'question',
    completionColumn: 'answer',
    asChat: true,
    maxSeqLength: 128,
    cacheFolder: join(folder, 'cache'),
    today: new Date(2024, 6, 26),
    shownSamples: 2,
    ...request,
  });

describe('an inspection', () => {
  it('shows samples as the model sees them, the learned parts apart', async () => {
    const { form, template, samples, shown } = await inspect();
    expect(form).toBe('conversations of one question and answer in "question" and "answer"');
    expect(template).toBe(join(model, 'chat_template.jinja'));
    expect(samples).toBe(3);
    expect(shown).toHaveLength(2);
    expect(shown[0]?.parts.map(({ learned, text }) => [learned, text])).toEqual([
      [
        false,
        '<|im_start|>system\nYou are a helpful assistant<|im_end|>\n<|im_start|>user\none<|im_end|>\n<|im_start|>assistant\n',
      ],
      [true, 'two<|im_end|>'],
    ]);
    const [given, learned] = shown[0]?.parts ?? [];
    expect(learned?.tokens).toEqual(['t', 'wo', '<|im_end|>']);
    expect(shown[0]).toMatchObject({
      row: 1,
      targetTokens: 3,
      tokens: (given?.ids.length ?? 0) + 3,
    });
  });

  it('tells lengths, duplicates and padding', async () => {
    const { counts, tokens, targetTokens, packing, maxSeqLength, notes } = await inspect();
    expect(maxSeqLength).toBe(64);
    expect(counts).toMatchObject({ rows: 3, duplicateSamples: 1 });
    expect(tokens.min).toBeLessThan(tokens.max);
    expect(targetTokens).toEqual({ min: 3, median: 3, p95: 8, max: 8 });
    expect(packing.rows).toBe(2);
    expect(packing.paddedShare).toBeCloseTo(1 - counts.tokens / (2 * 64), 12);
    expect(packing.unpackedPaddedShare).toBeCloseTo(1 - counts.tokens / (3 * tokens.max), 12);
    expect(notes).toEqual([
      'max_seq_length 128 is above what the model takes; using 64',
      '1 sample has the tokens of an earlier one',
    ]);
  });

  it('refuses a vocabulary that the model does not have, and a folder that is no model', async () => {
    config({ vocab_size: 100, n_positions: 64 });
    await expect(inspect()).rejects.toThrow(/rows\.jsonl:1: .* the model has a vocabulary of 100/);
    config({ vocab_size: 'many' });
    await expect(inspect()).rejects.toThrow(/config\.json: vocab_size: /);
    await expect(inspect({ model: folder })).rejects.toThrow(/no config\.json/);
  });
});

import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSpanTokenizer, packSamples, paddedShare } from '@microtune/data';
import fc from 'fast-check';
import { afterAll, assert, beforeAll, describe, expect, it } from 'vitest';
import { loadChatTemplate, type ChatTemplate } from '../chat/chat-template.js';
import { encodeSamples, type EncodeOptions } from './encode-samples.js';
import { countNotes } from './sample-counts.js';
import { boundsOf, isTarget, type CausalSamples } from './samples.js';
import type { SpanTokenizer } from '@microtune/data';

const oracle = JSON.parse(
  readFileSync(new URL('../../oracle/chats.json', import.meta.url), 'utf8'),
) as { templates: Record<string, string> };
const oracleFolder = (name: string): string =>
  fileURLToPath(new URL(`../../oracle/${name}`, import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'microtune-samples-'));
afterAll(() => rmSync(folder, { recursive: true }));
const today = new Date(2024, 6, 26);

let bytes: SpanTokenizer;
let spaces: SpanTokenizer;
let template: ChatTemplate;
beforeAll(async () => {
  bytes = await loadSpanTokenizer(oracleFolder('bytes'));
  spaces = await loadSpanTokenizer(oracleFolder('spaces'));
  const file = join(folder, 'chatml.jinja');
  writeFileSync(file, oracle.templates['chatml'] ?? '');
  const loaded = await loadChatTemplate(oracleFolder('bytes'), { today, file });
  assert(loaded, 'the template was just written');
  template = loaded;
});

let files = 0;
function fileOf(rows: readonly unknown[], name = `${files++}.jsonl`): string {
  const file = join(folder, name);
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return file;
}

interface Settings extends Partial<EncodeOptions> {
  readonly tokenizer?: SpanTokenizer;
  readonly template?: ChatTemplate | undefined;
  readonly vocabularySize?: number;
}

async function encodeFiles(list: readonly string[], settings: Settings = {}) {
  const source = { files: list, tokenizer: bytes, template, ...settings };
  return encodeSamples(source, { maxSeqLength: 512, ...settings });
}

const encode = (rows: readonly unknown[], settings?: Settings) =>
  encodeFiles([fileOf(rows)], settings);

const idsOf = (samples: CausalSamples, sample: number): number[] => [
  ...samples.ids.subarray(...boundsOf(samples, sample)),
];

/** The learned tokens of a sample as text, those of separate parts apart. */
async function learnedText(samples: CausalSamples, sample: number, tokenizer = bytes) {
  const [from, to] = boundsOf(samples, sample);
  const parts: number[][] = [];
  for (let at = from; at < to; at++) {
    if (!isTarget(samples, at, from)) continue;
    if (at - 1 === from || !isTarget(samples, at - 1, from)) parts.push([]);
    parts.at(-1)?.push(samples.ids[at] ?? 0);
  }
  return Promise.all(parts.map((ids) => tokenizer.decode(ids)));
}

const chat = (...contents: string[]) => ({
  messages: contents.map((content, at) => ({
    role: at % 2 === 0 ? 'user' : 'assistant',
    content,
  })),
});

describe('conversations', () => {
  it('learn what the assistant says and its end token, which is the padding token as well', async () => {
    expect(bytes.specialTokens['pad_token']).toBe(bytes.specialTokens['eos_token']);
    const { samples, form } = await encode([chat('Yes?', 'No!', 'one', 'two')]);
    expect(form).toEqual({ kind: 'chat', column: 'messages' });
    expect(await learnedText(samples, 0)).toEqual(['No!<|im_end|>', 'two<|im_end|>']);
  });

  it('end with the last learned token: the newline behind it teaches nothing', async () => {
    const { samples } = await encode([chat('one', 'two')]);
    expect(idsOf(samples, 0).at(-1)).toBe(bytes.idOf('<|im_end|>'));
    const asked = await encode([chat('one', 'two', 'three')]);
    expect(idsOf(asked.samples, 0)).toEqual(idsOf(samples, 0));
  });

  it('learn every token but the first when asked for', async () => {
    const { samples } = await encode([chat('one', 'two')], { lossOn: 'all' });
    expect([...samples.targets]).toEqual([(samples.lengths[0] ?? 0) - 1]);
  });

  it('have one begin token, also where the tokenizer would add its own (no double BOS)', async () => {
    const file = join(folder, 'gemma.jinja');
    writeFileSync(file, oracle.templates['gemma'] ?? '');
    const gemma = await loadChatTemplate(oracleFolder('spaces'), { today, file });
    const { samples } = await encode([chat('one', 'two')], { tokenizer: spaces, template: gemma });
    const begin = spaces.idOf('<s>');
    expect(idsOf(samples, 0).filter((id) => id === begin)).toHaveLength(1);
  });

  it('of any texts: the learned tokens decode to exactly the texts of the assistant and the end token', async () => {
    const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
    const said = word.filter((text) => text.trim() !== '');
    const turns = fc.array(fc.tuple(said, said), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(turns, { minLength: 1, maxLength: 5 }), async (talks) => {
        const { samples } = await encode(talks.map((talk) => chat(...talk.flat())));
        for (const [sample, talk] of talks.entries()) {
          expect(await learnedText(samples, sample)).toEqual(
            talk.map(([, answer]) => `${answer}<|im_end|>`),
          );
        }
      }),
      { numRuns: 50 },
    );
  });

  it('may be questions and answers in columns of any name', async () => {
    const { samples, form } = await encode([{ question: 'one', answer: 'two' }], {
      promptColumn: 'question',
      completionColumn: 'answer',
      asChat: true,
    });
    expect(form.kind).toBe('completion');
    expect(idsOf(samples, 0)).toEqual(idsOf((await encode([chat('one', 'two')])).samples, 0));
  });

  it('may begin in the prompt, whose turns are given and not learned', async () => {
    const { messages } = chat('one', 'two', 'three', 'four');
    const row = { prompt: messages.slice(0, 3), completion: messages.slice(3) };
    const { samples } = await encode([row]);
    expect(await learnedText(samples, 0)).toEqual(['four<|im_end|>']);
  });

  it('come from csv as JSON and from parquet and json arrays as lists', async () => {
    const expected = idsOf((await encode([chat('one', 'two')])).samples, 0);
    const csv = join(folder, 'chats.csv');
    const list = JSON.stringify(chat('one', 'two').messages).replaceAll('"', '""');
    writeFileSync(csv, `messages\n"${list}"\n`);
    const json = join(folder, 'chats.json');
    writeFileSync(json, JSON.stringify([chat('one', 'two')], undefined, 2));
    const parquet = join(oracleFolder('.'), 'chats.parquet');
    for (const file of [csv, json, parquet])
      expect(idsOf((await encodeFiles([file])).samples, 0), file).toEqual(expected);
  });

  it('without an end token after the assistant are said', async () => {
    const file = join(folder, 'open.jinja');
    writeFileSync(file, '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{{ "" }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}'); // prettier-ignore
    const open = await loadChatTemplate(oracleFolder('bytes'), { today, file });
    const { counts } = await encode([chat('one', 'two'), chat('a', 'b')], { template: open });
    expect(counts.openTurns).toBe(2);
    expect(countNotes(counts, { maxSeqLength: 512 }).join()).toMatch(/does not learn to stop/);
  });
});

describe('prompts and completions', () => {
  it('learn the completion and the end token', async () => {
    const { samples } = await encode([{ prompt: 'one two', completion: ' three' }]);
    expect(await learnedText(samples, 0)).toEqual([' three<|im_end|>']);
    expect(await bytes.decode(idsOf(samples, 0))).toBe('one two three<|im_end|>');
  });

  it('with begin tokens of the tokenizer, and one only where the text has its own', async () => {
    const rows = [
      { prompt: '[INST] one [/INST]', completion: ' 42' },
      { prompt: '<s>[INST] one [/INST]', completion: ' 42' },
    ];
    const { samples } = await encode(rows, { tokenizer: spaces });
    for (const sample of [0, 1]) {
      const ids = idsOf(samples, sample);
      expect(ids.filter((id) => id === spaces.idOf('<s>'))).toEqual([ids[0]]);
      expect(ids.filter((id) => id === spaces.idOf('</s>'))).toEqual([ids.at(-1)]);
      expect(await learnedText(samples, sample, spaces)).toEqual(['42</s>']);
    }
  });

  it('do not get a second end token', async () => {
    const [one, two] = await Promise.all(
      [' two', ' two<|im_end|>'].map((completion) => encode([{ prompt: 'one', completion }])),
    );
    assert(one && two, 'both are encoded');
    expect(two.samples).toEqual(one.samples);
  });

  it('that share a token count it as learned, and say so', async () => {
    const { samples, counts } = await encode([{ prompt: 'The ', completion: 'capital' }]);
    expect(counts.straddlingSamples).toBe(1);
    expect(await learnedText(samples, 0)).toEqual([' capital<|im_end|>']);
    expect(countNotes(counts, { maxSeqLength: 512 }).join()).toMatch(/prompt end with a space/);
  });

  it('learn every token but the first when asked for', async () => {
    const { samples } = await encode([{ prompt: 'one', completion: ' two' }], { lossOn: 'all' });
    expect([...samples.targets]).toEqual([(samples.lengths[0] ?? 0) - 1]);
  });
});

describe('documents', () => {
  it('go on in further samples, each learned but for its first token, the last with the end token', async () => {
    const text = 'one two three four five six seven eight nine ten';
    const { samples, counts } = await encode([{ text }], { maxSeqLength: 4 });
    const whole = [...samples.ids];
    expect(await bytes.decode(whole)).toBe(`${text}<|im_end|>`);
    expect([...samples.lengths.subarray(0, -1)].every((length) => length === 4)).toBe(true);
    expect([...samples.targets]).toEqual([...samples.lengths].map((length) => length - 1));
    expect([...samples.rows].every((row) => row === 0)).toBe(true);
    expect(counts).toMatchObject({ rows: 1, cutRows: 0, lostTokens: 0 });
  });

  it('a last block of one token is nothing to learn, and no row without anything', async () => {
    const rows = [{ text: 'one two three' }];
    const whole = (await encode(rows)).samples.ids.length;
    const { samples, counts } = await encode(rows, { maxSeqLength: whole - 1 });
    expect([...samples.lengths]).toEqual([whole - 1]);
    expect(counts.rowsWithoutTarget).toBe(0);
  });
});

describe('is counted and said:', () => {
  const long = chat('one', 'two three four five six seven eight nine ten');

  it('rows that were cut', async () => {
    const { samples, counts } = await encode([chat('one', 'two'), long], { maxSeqLength: 30 });
    expect(counts).toMatchObject({ rows: 2, cutRows: 1, droppedRows: 0 });
    expect(counts.lostTokens).toBeGreaterThan(0);
    expect(samples.lengths[1]).toBe(30);
    expect(countNotes(counts, { maxSeqLength: 30 })).toEqual([
      '1 of 2 rows have more than 30 tokens and were cut there; raise max_seq_length where the model takes more',
    ]);
  });

  it('rows that were left out instead', async () => {
    const { samples, counts } = await encode([long, chat('one', 'two')], {
      maxSeqLength: 30,
      longRows: 'drop',
    });
    expect(counts).toMatchObject({ rows: 2, cutRows: 0, droppedRows: 1 });
    expect([...samples.rows]).toEqual([1]);
  });

  it('rows whose answer begins behind the cut', async () => {
    const rows = [chat('one two three four five six seven', 'eight'), chat('one', 'two')];
    const { samples: whole } = await encode(rows);
    const { samples, counts } = await encode(rows, { maxSeqLength: whole.lengths[1] ?? 0 });
    expect(counts).toMatchObject({ cutRows: 1, rowsWithoutTarget: 1 });
    expect([...samples.rows]).toEqual([1]);
  });

  it('duplicates: the same tokens with the same ones learned', async () => {
    const rows = [chat('a', 'b'), chat('a', 'c'), chat('a', 'b'), chat('a', 'b')];
    const { samples, counts } = await encode(rows);
    expect(samples.size).toBe(4);
    expect(counts.duplicateSamples).toBe(2);
    const shifted = [
      { prompt: 'one', completion: ' two three' },
      { prompt: 'one two', completion: ' three' },
    ];
    expect((await encode(shifted)).counts.duplicateSamples).toBe(0);
  });

  it('all tokens, and those that count', async () => {
    const { samples, counts } = await encode([chat('a', 'b'), chat('one', 'two')]);
    expect(counts.tokens).toBe(samples.ids.length);
    expect(counts.targetTokens).toBe(samples.targets.reduce((sum, count) => sum + count, 0));
  });
});

describe('samples keep the order of the rows', () => {
  it('over several files and forms', async () => {
    const both = [fileOf([chat('a', 'b'), chat('c', 'd')]), fileOf([{ text: 'one two' }])];
    const { samples } = await encodeFiles([...both, both[0] ?? '']);
    expect([...samples.rows]).toEqual([0, 1, 2, 3, 4]);
    expect(await learnedText(samples, 1)).toEqual(['d<|im_end|>']);
    expect(idsOf(samples, 3)).toEqual(idsOf(samples, 0));
  });
});

describe('bad input is an error with file and row:', () => {
  const refused = async (rows: readonly unknown[], settings: Settings, message: RegExp) => {
    const file = fileOf(rows);
    await expect(encodeFiles([file], settings)).rejects.toThrow(message);
    await expect(encodeFiles([file], settings)).rejects.toThrow(file);
  };

  it('a chat where the model folder has no template', async () => {
    await refused([chat('a', 'b')], { template: undefined }, /jsonl:1: .* needs a chat template/);
  });

  it('messages that the template refuses', async () => {
    const file = join(folder, 'strict.jinja');
    writeFileSync(file, "{{ raise_exception('no ' + messages[0].content) }}");
    const strict = await loadChatTemplate(folder, { today, file });
    await refused(
      [chat('cats', 'b')],
      { template: strict },
      /jsonl:1: .*strict\.jinja refuses the messages: no cats/,
    );
  });

  it('roles out of order in a later row', async () => {
    const bad = { messages: [{ role: 'assistant', content: 'b' }] };
    await refused([chat('a', 'b'), bad], {}, /jsonl:2: column "messages": message 1: /);
  });

  it('an empty completion, as text and as chat', async () => {
    await refused([{ prompt: 'a', completion: '' }], {}, /jsonl:1: .* completion is empty/);
    await refused(
      [{ prompt: 'a', completion: ' ' }],
      { asChat: true },
      /jsonl:1: .* completion is empty/,
    );
  });

  it('a text that is no text, or is not there', async () => {
    await refused([{ text: null }], {}, /jsonl:1: column "text" should be text, found null/);
    await refused([{ text: 'a' }, { label: 1 }], {}, /jsonl:2: no column "text"; .* has "label"/);
  });

  it('an id beyond the vocabulary of the model', async () => {
    await refused(
      [chat('a', 'b')],
      { vocabularySize: 20 },
      /jsonl:1: token ".*" has id \d+, but the model has a vocabulary of 20/,
    );
  });

  it('not one token to learn', async () => {
    await refused(
      [chat('a', 'b'), chat('c', 'd')],
      { maxSeqLength: 3 },
      /no row leaves a token to learn: of 2, 0 have more .* 2 have no counted token/,
    );
  });

  it('completions asked for where there are documents', async () => {
    await refused([{ text: 'a b' }], { lossOn: 'completion' }, /read as documents in "text"/);
  });
});

const gsm8k = fileURLToPath(new URL('../../../../../shared/data/gsm8k', import.meta.url));
// eslint-disable-next-line no-restricted-properties -- where a model of 270 MB lies is not the project's to say
const smollm2 = process.env['SMOLLM2'] ?? '';
const isThere = existsSync(gsm8k) && existsSync(join(smollm2, 'tokenizer.json'));

// Neither is part of the repository; oracle/make_smollm2.py says where the numbers come from.
describe.skipIf(!isThere)(
  'SmolLM2 on gsm8k (skipped unless SMOLLM2 names the folder and ../shared/data is there)',
  () => {
    const asChat = {
      promptColumn: 'question',
      completionColumn: 'answer',
      asChat: true,
      maxSeqLength: 2048,
    };
    const load = async () => ({
      tokenizer: await loadSpanTokenizer(smollm2),
      template: await loadChatTemplate(smollm2, { today }),
    });

    it('gives the ids and the counted tokens of transformers', async () => {
      const expected = JSON.parse(
        readFileSync(new URL('../../oracle/smollm2.json', import.meta.url), 'utf8'),
      ) as { rows: number; tokens: number; counted: number; sha256: string };
      const lines = readFileSync(join(gsm8k, 'test.jsonl'), 'utf8').split('\n');
      const file = join(folder, 'gsm8k.jsonl');
      writeFileSync(file, lines.slice(0, expected.rows).join('\n'));
      const { tokenizer, template: own } = await load();
      const { samples, counts } = await encodeSamples(
        { files: [file], tokenizer, template: own },
        asChat,
      );
      // The template's last newline is left away here and stays there.
      const newline = tokenizer.idOf('Ċ') ?? 0;
      const digest = createHash('sha256');
      for (let sample = 0; sample < samples.size; sample++) {
        const [from, to] = boundsOf(samples, sample);
        const ids = [...samples.ids.subarray(from, to), newline];
        const mask = ids.map((_, at) =>
          Number(at < to - from && isTarget(samples, from + at, from)),
        );
        digest.update(Int32Array.from(ids)).update(Uint8Array.from(mask));
      }
      expect(counts.targetTokens).toBe(expected.counted);
      expect(counts.tokens).toBe(expected.tokens - expected.rows);
      expect(digest.digest('hex')).toBe(expected.sha256);
    });

    it('leaves at most 3 % padding when the training rows are packed', async () => {
      const { tokenizer, template: own } = await load();
      const files = [join(gsm8k, 'train.jsonl')];
      const { samples } = await encodeSamples({ files, tokenizer, template: own }, asChat);
      expect(samples.size).toBe(7473);
      const order = [...Array(samples.size).keys()];
      for (const rowTokens of [512, 1024, 2048]) {
        const rows = packSamples(samples.lengths, { rowTokens, order });
        expect(paddedShare(rows, rowTokens)).toBeLessThan(0.03);
      }
    });
  },
);

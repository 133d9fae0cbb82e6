import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { tokenInputs } from '../token-inputs.js';
import { correctName } from './causal-digest.js';
import { causalInputs } from './causal-inputs.js';
import { openCausalSplits, type CausalConfig } from './open-causal-splits.js';

const oracle = fileURLToPath(new URL('../../oracle', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'microtune-splits-'));
afterAll(() => rmSync(folder, { recursive: true }));

const model = join(folder, 'model');
cpSync(join(oracle, 'bytes'), model, { recursive: true });
const { templates } = JSON.parse(readFileSync(join(oracle, 'chats.json'), 'utf8')) as {
  templates: { chatml: string };
};
const template = (source: string): void =>
  writeFileSync(join(model, 'chat_template.jinja'), source);
template(templates.chatml);
writeFileSync(join(model, 'config.json'), '{"vocab_size": 1000, "max_position_embeddings": 64}');

const answers = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'two'];
function fileOf(name: string, said: readonly string[]): string {
  const file = join(folder, name);
  const rows = said.map((answer) => JSON.stringify({ prompt: 'next?', completion: answer }));
  writeFileSync(file, rows.join('\n'));
  return file;
}
const trainFile = [fileOf('train.jsonl', answers)];

const open = (config: Partial<CausalConfig> = {}) =>
  openCausalSplits(
    { trainFile, validationFile: undefined, validationSplit: undefined, asChat: true, maxSeqLength: 128, maxTrainSamples: undefined, maxEvalSamples: undefined, dataSeed: 42, ...config },
    { tokenizerFolder: model, cacheFolder: join(folder, 'cache') },
  ); // prettier-ignore

describe('the splits of a causal language model', () => {
  it('give batches with what is learned, and their weight', async () => {
    const { train, maxSeqLength, textColumns, validation } = await open();
    expect({ size: train.size, maxSeqLength, textColumns, validation }).toEqual({
      size: 10,
      maxSeqLength: 64,
      textColumns: ['prompt', 'completion'],
      validation: undefined,
    });
    const specs = [tokenInputs.inputIds, ...Object.values(causalInputs)];
    const shape = { rows: 1, tokens: 128, samplesPerRow: 2 };
    const { inputs, weight } = train.collator(specs)({ shape, rows: [[0, 1]] });
    expect(Object.keys(inputs)).toEqual(specs.map(({ name }) => name));
    const weights = [...(inputs[causalInputs.targetWeights.name] ?? [])];
    expect(weight).toBe(weights.reduce((a, b) => a + b));
    expect(weight).toBeGreaterThan(3);
  });

  it('are those of whoever is told what was decided', async () => {
    const found = await open();
    const columns = { promptColumn: 'prompt', completionColumn: 'completion' };
    expect(found).toMatchObject({ spec: { kind: 'causal-lm' }, decided: columns });
    const told = await open(found.decided as Partial<CausalConfig>);
    expect(told.train.contentHash).toBe(found.train.contentHash);
    const fewer = await open({ maxTrainSamples: 9 });
    expect(fewer.train.contentHash).not.toBe(found.train.contentHash);
  });

  it('hold rows out by a seed: together they are the whole', async () => {
    const { train, validation } = await open({ validationSplit: 0.3 });
    expect([train.size, validation?.size]).toEqual([7, 3]);
    const whole = await open();
    const tokens = train.tokens.ids.length + (validation?.tokens.ids.length ?? 0);
    expect(tokens).toBe(whole.train.tokens.ids.length);
    const again = await open({ validationSplit: 0.3 });
    expect(again.validation?.tokens.ids).toEqual(validation?.tokens.ids);
  });

  it('take the first rows of each when asked for', async () => {
    const validationFile = [fileOf('held.jsonl', ['ten', 'two', 'one'])];
    const { train, validation } = await open({
      validationFile,
      maxTrainSamples: 4,
      maxEvalSamples: 2,
    });
    expect([train.size, validation?.size]).toEqual([4, 2]);
  });

  it('report what is repeated, in a split and between them', async () => {
    const validationFile = [fileOf('held2.jsonl', ['ten', 'two', 'ten'])];
    const opened = await open({ validationFile });
    expect(opened.report()).toMatchObject({
      train: { rows: 10, duplicateRows: 1, rowsCut: 0, classCounts: undefined },
      validation: { rows: 3, duplicateRows: 1 },
      overlapRows: 1,
    });
    expect(opened.notes).toContain('validation data: 1 sample has the tokens of an earlier one');
  });
});

describe('rows that were cut', () => {
  it('are counted in the split that holds them', async () => {
    const longest = (await open()).report().train.tokens.max;
    const cut = { maxSeqLength: longest - 1 };
    const { train, validation } = (await open({ ...cut, validationSplit: 0.3 })).report();
    const whole = (await open(cut)).report().train.rowsCut;
    expect(whole).toBeGreaterThan(0);
    expect(train.rowsCut + (validation?.rowsCut ?? 0)).toBe(whole);
  });
});

describe('an evaluation', () => {
  it('is a mean over counted tokens, added in the order of shards', async () => {
    const { train, digest, metricNames } = await open({ maxTrainSamples: 2 });
    const shape = { rows: 1, tokens: 64, samplesPerRow: 1 };
    const collate = train.collator([]);
    const evaluated = [0, 1].map((sample) => {
      const shard = { shape, rows: [[sample]] };
      const outputs = {
        loss_sum: Float32Array.of(2.5 * (sample + 1)),
        [correctName]: Float32Array.of(sample),
      };
      return { shard, digest: digest(collate(shard), outputs), weight: collate(shard).weight };
    });
    const weight = evaluated.reduce((sum, each) => sum + each.weight, 0);
    const metrics = train.score(evaluated);
    expect(metrics.loss).toBeCloseTo(7.5 / weight, 12);
    expect(metrics['perplexity']).toBeCloseTo(Math.exp(7.5 / weight), 12);
    expect(metrics['accuracy']).toBeCloseTo(1 / weight, 12);
    expect(Object.keys(metrics)).toEqual([...metricNames]);
    expect(() => train.score(evaluated.slice(1))).toThrow(/tokens evaluated of/);
  });
});

describe('refuses', () => {
  it('validation data that is trained on', async () => {
    await expect(open({ validationFile: [fileOf('same.jsonl', answers)] })).rejects.toThrow(
      /same\.jsonl: the validation data is the training data/,
    );
  });

  it('two ways to hold out', async () => {
    await expect(open({ validationFile: trainFile, validationSplit: 0.1 })).rejects.toThrow(
      /validation_split and validation_file exclude each other/,
    );
  });

  it('a template that writes the date, where nobody says which', async () => {
    template(`{{ strftime_now('%Y') }}${templates.chatml}`);
    await expect(open()).rejects.toThrow(/writes the date into its texts: .* --template_date/);
    await expect(open({ templateDate: 'today' })).rejects.toThrow(/template_date: expected/);
    expect((await open({ templateDate: '2026-11-28' })).train.size).toBe(10);
  });
});

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { benchRows, writeBenchModel } from './bench/bench-model.js';
import { missingLibraries } from '@microtune/engine/missing-libraries';
import type { Model } from '@microtune/inference';
import type { RunConfig } from '@microtune/shared';
import { cacheFolderOf } from './environment.js';
import { loadModel } from './load-model.js';
import { train, type TrainEvent } from './train.js';

const folder = mkdtempSync(join(tmpdir(), 'microtune-api-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const cacheFolder = join(folder, 'cache');
const classifier = join(folder, 'classifier');
const rows = join(folder, 'rows.tsv');
const held = join(folder, 'held.tsv');

beforeAll(async () => {
  mkdirSync(classifier);
  await writeBenchModel(classifier, { layers: 1, hiddenSize: 32 });
  writeFileSync(rows, benchRows({ rows: 32, tokens: 12 }));
  writeFileSync(held, benchRows({ rows: 24, tokens: 12 }));
});

const open = (where = classifier) =>
  loadModel(where, { engine: 'onnx', threads: 1, maxSeqLength: 64, cacheFolder });
const textOf = (n: number): string =>
  Array.from({ length: 1 + ((n * 7) % 30) }, (_, at) => `w${(n * 31 + at * 17) % 2000}`).join(' ');
const texts = Array.from({ length: 200 }, (_, n) => textOf(n));

describe('loadModel', () => {
  it('answers many texts as it answers each alone, in their order', async () => {
    await using model = await open();
    const together = await model.predict(texts);
    expect(together).toHaveLength(texts.length);
    for (const at of [0, 3, 77, 199]) {
      const [alone] = await model.predict([texts[at] ?? '']);
      expect(together[at]?.label).toBe(alone?.label);
      expect(together[at]?.score).toBeCloseTo(alone?.score ?? NaN, 5);
    }
    const [first] = together;
    expect(Object.keys(first?.scores ?? {})).toEqual(['negative', 'positive']);
    expect(Object.values(first?.scores ?? {}).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 10);
    expect(model.labels).toEqual(['negative', 'positive']);
    expect(model.figures).toMatchObject({ texts: 204 });
  });

  it('takes calls at the same time, on one model and on two', async () => {
    await using one = await open();
    await using two = await open();
    const alone = await one.predict(texts);
    const calls = [one, two, one, two, one].map((model, at) => model.predict(texts.slice(at * 40)));
    for (const [at, answers] of (await Promise.all(calls)).entries()) {
      const expected = alone.slice(at * 40);
      expect(answers.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
    }
  });

  it.for(['openvino', 'xla', 'tensorflow'] as const)(
    'answers as onnxruntime does on the engine %s, whose weights may be on a device',
    async (engine, { skip }) => {
      const libraries = cacheFolderOf(process.env, homedir());
      const missing = missingLibraries(engine, libraries);
      if (missing !== undefined) skip(missing.reason);
      await using reference = await open();
      await using model = await loadModel(classifier, {
        engine,
        threads: 1,
        cacheFolder: libraries,
      });
      const some = texts.slice(0, 12);
      const expected = await reference.predict(some);
      for (const [at, answer] of (await model.predict(some)).entries())
        expect(answer.score).toBeCloseTo(expected[at]?.score ?? NaN, 4);
      expect(model.engine).toMatchObject({ name: engine, precision: 'f32' });
    },
  );

  it('evaluates files, takes pairs and answers an empty list', async () => {
    await using model = await open();
    const metrics = await model.evaluate(rows);
    expect(metrics).toMatchObject({ samples: 32 });
    expect(metrics['accuracy']).toBeGreaterThanOrEqual(0);
    expect(await model.predict([])).toEqual([]);
    const pairs = await model.predict([['w1 w2', 'w3'], { text: 'w1 w2', textPair: 'w3' }]);
    expect(pairs[0]).toEqual(pairs[1]);
  });

  it('answers rows of a file with line and id, blank and broken ones with the reason', async () => {
    const file = join(folder, 'rows.jsonl');
    writeFileSync(
      file,
      '{"id":"a","text":"w1 w2"}\n\n{"id":7,"text":" "}\nrubbish\n{"text":"w3"}\n',
    );
    await using model = await open();
    const answers = [];
    for await (const group of model.predictRows({ file })) answers.push(...group);
    expect(answers).toEqual([
      expect.objectContaining({ line: 1, id: 'a', label: expect.any(String) as unknown }),
      { line: 2, error: `${file}:2: blank line` },
      { line: 3, id: 7, error: 'the row is empty: there is no text' },
      { line: 4, error: expect.stringMatching(/bad JSON/) as unknown },
      expect.objectContaining({ line: 5, score: expect.any(Number) as unknown }),
    ]);
  });

  it.each([
    [
      'a text alone',
      'w1 w2',
      'expects an array of texts, got string "w1 w2": write predict([text])',
    ],
    ['a number', ['w1', 7], 'texts[1] is number 7; expected a text, a pair [text, textPair], or'],
    ['three texts', [['a', 'b', 'c']], 'texts[0] is an array of 3'],
    ['another object', [{ sentence: 'a' }], 'texts[0] is an object with sentence'],
    ['nothing', [undefined], 'texts[0] is undefined'],
    ['an empty text', ['w1', ' '], 'texts[1] is empty'],
  ])('refuses %s and says where', async (_, given, message) => {
    await using model = await open();
    await expect(model.predict(given as string[])).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message) as unknown,
    });
  });

  it('answers what was asked before it is closed, and nothing after', async () => {
    const model = await open();
    const asked = model.predict(texts);
    await model.close();
    expect(await asked).toHaveLength(texts.length);
    await model.close();
    const closed = { code: 'usage', message: expect.stringContaining('is closed') as unknown };
    await expect(model.predict(['w1'])).rejects.toMatchObject(closed);
    await expect(model.evaluate(rows)).rejects.toMatchObject(closed);
    await expect(model.predictRows({ file: rows }).next()).rejects.toMatchObject(closed);
  });

  it.each([
    ['a folder that is not there', 'nowhere', {}, 'nowhere does not exist'],
    [
      'an unknown option',
      classifier,
      { maxSeqLenght: 5 },
      'unknown key maxSeqLenght; did you mean maxSeqLength?',
    ],
    ['a wrong value', classifier, { engine: 'openvin' }, 'engine: '],
    ['a device that is none', classifier, { device: 'gpu' }, 'device: expected cpu, cuda'],
    [
      'a precision that the engine lacks',
      classifier,
      { engine: 'onnx', precision: 'bf16' },
      'bf16',
    ],
    ['tf32 on a CPU', classifier, { device: 'cpu', precision: 'tf32' }, 'tf32 is for GPUs'],
  ])('refuses %s', async (_, where, options, message) => {
    const loading = loadModel(where, { cacheFolder, ...(options as object) });
    await expect(loading).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message) as unknown,
    });
  });
});

describe('train', () => {
  const config = (outputDir: string, more: Partial<RunConfig> = {}): RunConfig => ({
    modelNameOrPath: classifier,
    trainFile: rows,
    validationFile: held,
    maxSteps: 3,
    maxSeqLength: 16,
    engine: 'onnx',
    outputDir: join(folder, outputDir),
    ...more,
  });

  it('can be iterated for its events and awaited for its summary; what it trained answers', async () => {
    const heard: TrainEvent['type'][] = [];
    const run = train(config('iterated'), { cacheFolder, onEvent: ({ type }) => heard.push(type) });
    const seen: TrainEvent['type'][] = [];
    for await (const event of run) seen.push(event.type);
    const summary = await run;
    expect(summary).toMatchObject({ status: 'completed', steps: 3 });
    expect(seen).toEqual(heard);
    expect(seen.filter((type) => type === 'step')).toHaveLength(3);
    // Iterated once more when all is over: nothing comes, nothing hangs.
    for await (const event of run) expect(event).toBeUndefined();

    await using model: Model = await loadModel(join(folder, 'iterated'), {
      engine: 'onnx',
      cacheFolder,
    });
    expect(model.maxSeqLength).toBe(16);
    const metrics = await model.evaluate(held);
    expect(metrics['accuracy']).toBe(summary.eval?.['accuracy']);
    expect(metrics.loss).toBeCloseTo(summary.eval?.['loss'] ?? NaN, 5);
  });

  it('throws into the loop what ended the run', async () => {
    const run = train(config('failing', { trainFile: 'none.tsv' }), { cacheFolder });
    const loop = async (): Promise<void> => {
      for await (const event of run) expect(event.type).not.toBe('step');
    };
    await expect(loop()).rejects.toMatchObject({ code: 'data' });
    await expect(run).rejects.toMatchObject({ code: 'data' });
  });

  it('saves and ends when its signal is aborted, whatever the reason', async () => {
    const stop = new AbortController();
    const summary = await train(
      config('aborted', { maxSteps: 100_000, validationFile: undefined }),
      {
        cacheFolder,
        signal: stop.signal,
        onEvent: ({ type }) => {
          if (type === 'step') stop.abort();
        },
      },
    );
    expect(summary.status).toBe('interrupted');
    expect(readFileSync(join(summary.checkpoint ?? '', 'config.json'), 'utf8')).toContain('bert');
  });

  it('D16: names keys as code writes them, with the nearest one for a slip', async () => {
    const failures: readonly (readonly [unknown, string])[] = [
      [
        { ...config('a'), learningRat: 1 },
        'train: unknown key learningRat; did you mean learningRate?',
      ],
      [
        { ...config('a'), learning_rate: 1 },
        'unknown key learning_rate; did you mean learningRate?',
      ],
      [{ ...config('a'), fp16: true }, 'fp16 is an option of HuggingFace that Microtune refuses'],
      [{ ...config('a'), learningRate: 'x' }, 'learningRate: expected number, got "x"'],
      [{ trainFile: rows }, 'missing: modelNameOrPath ('],
      [
        { ...config('a'), validationSplit: 0.1 },
        'validationFile and validationSplit exclude each other',
      ],
      [
        { ...config('a'), modelNameOrPath: 'nowhere' },
        'modelNameOrPath: folder nowhere does not exist',
      ],
      [undefined, 'train expects an object, got undefined'],
    ];
    for (const [given, message] of failures) {
      await expect(train(given as RunConfig, { cacheFolder })).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringContaining(message) as unknown,
      });
    }
  });
});

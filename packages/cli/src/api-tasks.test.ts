/** The whole way from code, for the tasks beside single texts with classes: train, load, predict, evaluate. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from './load-model.js';
import { createScene } from './testing/scene.js';
import { train } from './train.js';

const scene = createScene();
const { folder, model, regressor, data, cacheFolder } = scene;
beforeAll(() => scene.prepare());
afterAll(() => scene.remove());

const common = { maxSeqLength: 16, engine: 'onnx' } as const;
const open = (where: string, onNote: (note: string) => void = () => undefined) =>
  loadModel(where, { engine: 'onnx', threads: 1, cacheFolder, onNote });

function writeRows(name: string, header: string, rows: readonly string[]): string {
  const file = join(folder, name);
  writeFileSync(file, `${[header, ...rows].join('\n')}\n`);
  return file;
}

describe('a regression model from code', () => {
  // A word that is in the text moves the number: something to learn within a few steps.
  const value = (n: number): number => (n % 2 === 0 ? 2.5 : -2.5);
  const textOf = (n: number): string => `w${n % 2 === 0 ? 7 : 8} w${100 + n}`;
  const rows = Array.from({ length: 48 }, (_, n) => `${textOf(n)}\t${value(n)}`);

  it('trains, answers with numbers, and evaluates as training did', async () => {
    const outputDir = join(folder, 'regression');
    const validationFile = writeRows('scores-held.tsv', 'text\tlabel', rows.slice(32));
    const summary = await train(
      {
        ...common,
        modelNameOrPath: regressor,
        trainFile: writeRows('scores.tsv', 'text\tlabel', rows.slice(0, 32)),
        validationFile,
        ...{ maxSteps: 40, learningRate: 0.01, trainBatchSize: 16, outputDir },
      },
      { cacheFolder },
    );
    expect(summary.eval).toMatchObject({ pearson: expect.any(Number) as unknown });
    await using trained = await open(outputDir);
    expect(trained).toMatchObject({ problemType: 'regression', labels: [] });
    const [high, low] = await trained.predict([textOf(40), textOf(41)]);
    expect(high).toEqual({ score: expect.any(Number) as unknown });
    expect(high?.score).toBeGreaterThan((low?.score ?? NaN) + 1);
    const metrics = await trained.evaluate(validationFile);
    expect(metrics.samples).toBe(16);
    for (const name of ['loss', 'mse', 'pearson', 'spearmanr'])
      expect(metrics[name]).toBeCloseTo(summary.eval?.[name] ?? NaN, 4);
    expect(metrics['pearson']).toBeGreaterThan(0.9);
  });
});

describe('a model of pairs from code', () => {
  const rows = Array.from(
    { length: 48 },
    (_, n) => `w${n} w9\tw${n % 2 === 0 ? 7 : 8}\t${n % 2 === 0 ? 'same' : 'other'}`,
  );
  const header = 'sentence1\tsentence2\tlabel';
  const outputDir = join(folder, 'pairs');

  it('trains, answers pairs alone, and evaluates as training did', async () => {
    const validationFile = writeRows('pairs-held.tsv', header, rows.slice(32));
    const summary = await train(
      {
        ...common,
        modelNameOrPath: model,
        numLabels: 2,
        trainFile: writeRows('pairs.tsv', header, rows.slice(0, 32)),
        validationFile,
        ...{ maxSteps: 40, learningRate: 0.01, trainBatchSize: 16, outputDir },
      },
      { cacheFolder },
    );
    await using trained = await open(outputDir);
    expect(trained.labels).toEqual(['other', 'same']);
    const [first, again, other] = await trained.predict([
      ['w3 w9', 'w7'],
      { text: 'w3 w9', textPair: 'w7' },
      ['w3 w9', 'w8'],
    ]);
    expect([first?.label, again, other?.label]).toEqual(['same', first, 'other']);
    await expect(trained.predict(['w3 w9'])).rejects.toThrow(/texts\[0\] is one text/);
    const metrics = await trained.evaluate(validationFile);
    expect(metrics).toMatchObject({ samples: 16, accuracy: summary.eval?.['accuracy'] });
    expect(metrics.loss).toBeCloseTo(summary.eval?.['loss'] ?? NaN, 5);
  });

  it('names options as code does in errors and notes of evaluate and predictRows', async () => {
    const notes: string[] = [];
    await using trained = await open(model, (note) => notes.push(note));
    const wanted: readonly (readonly [object, RegExp])[] = [
      [{ labelColumnName: 'stars' }, /\(choose with labelColumnName; .* needs columnNames\)$/],
      [{ textColumnNames: ['review'] }, /no text column "review".*\(choose with textColumnNames;/],
      [{ textColumnNames: ['a', 'b', 'c'] }, /^textColumnNames: expected one or two columns/],
    ];
    for (const [options, message] of wanted)
      await expect(trained.evaluate(data, options)).rejects.toThrow(message);
    const reviews = writeRows('reviews.tsv', 'review\tstars', ['w1 w2\t1']);
    const onNote = (note: string): void => void notes.push(note);
    const answers = [];
    for await (const group of trained.predictRows({ file: reviews }, { onNote }))
      answers.push(...group);
    expect(answers).toHaveLength(1);
    expect(notes.join('\n')).toMatch(/the text is column "review".*choose with textColumnNames$/);
    const twoTexts = writeRows('two.tsv', 'title\tbody', ['w1\tw2']);
    for await (const [answer] of trained.predictRows({ file: twoTexts }))
      expect(answer?.error).toMatch(/choose with textColumnNames, e\.g\. title/);
    await expect(
      loadModel(model, { engine: 'onnx', cacheFolder, maxSeqLength: 2 }),
    ).rejects.toThrow(/maxSeqLength/);
  });
});

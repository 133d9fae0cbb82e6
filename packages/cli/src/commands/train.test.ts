import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunNews } from '@microtune/coordinator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScene } from '../testing/scene.js';
import { train } from '../train.js';

const scene = createScene();
const { folder, model, data, held, cacheFolder, options, microtune, start } = scene;
beforeAll(() => scene.prepare());
afterAll(() => scene.remove());

describe('microtune train and eval', () => {
  it('trains, and eval finds the metrics that training found', async () => {
    const run = join(folder, 'run');
    const more = [
      '--validation_file',
      held,
      '--max_steps',
      '4',
      '--output_dir',
      run,
      '--workers',
      '2',
    ];
    const trained = await microtune(['train', ...options, ...more, '--json']);
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    const news = trained.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(news.filter((line) => line['type'] === 'step').map((line) => line['step'])).toEqual([
      1, 2, 3, 4,
    ]);
    const told = news.find(({ code }) => code === 'data');
    expect(told).toMatchObject({
      type: 'note',
      text: expect.stringMatching(
        /^32 training rows \(negative: \d+, positive: \d+\); 12 tokens in the median, 12 at most, 0 % cut to max_seq_length \d+$/,
      ) as unknown,
    });
    expect(news.indexOf(told ?? {})).toBeLessThan(news.findIndex(({ type }) => type === 'step'));
    const summary = news.at(-1) as { type: string; eval: { accuracy: number; loss: number } };
    expect(summary).toMatchObject({
      type: 'summary',
      status: 'completed',
      steps: 4,
      output_dir: run,
    });
    expect(JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8'))).toMatchObject({
      eval: summary.eval,
    });

    const evaluated = await microtune(['eval', run, '--file', held, '--engine', 'onnx', '--json']);
    expect(evaluated).toMatchObject({ code: 0, stderr: '' });
    const metrics = JSON.parse(evaluated.stdout) as {
      accuracy: number;
      loss: number;
      samples: number;
    };
    expect(metrics).toMatchObject({ accuracy: summary.eval.accuracy, samples: 24 });
    expect(metrics.loss).toBeCloseTo(summary.eval.loss, 5);

    // What was decided about the data is stored (decision 21).
    const stored = readFileSync(join(run, 'config.resolved.yaml'), 'utf8');
    expect(stored).toMatch(/text_column_names:\s+- text\n/);
    expect(stored).toContain('problem_type: single_label_classification');

    const again = await microtune(['train', ...options, '--output_dir', run]);
    expect(again.code).toBe(64);
    expect(again.stderr).toContain('--overwrite_output_dir');
  });
  it('names a model folder that is not there, and leaves nothing behind', async () => {
    const run = join(folder, 'never');
    const nowhere = await microtune([
      'train',
      ...options,
      '--model_name_or_path',
      'nowhere',
      '--output_dir',
      run,
    ]);
    expect(nowhere.code).toBe(64);
    expect(nowhere.stderr).toContain('model_name_or_path: folder nowhere does not exist');
    expect(existsSync(run)).toBe(false);
  });
  it('saves and ends with 130 when interrupted', async () => {
    const run = join(folder, 'interrupted');
    const child = start(
      'train',
      ...options,
      '--max_steps',
      '100000',
      '--output_dir',
      run,
      '--json',
    );
    let output = '';
    for await (const chunk of child.stdout) {
      output += String(chunk);
      if (output.includes('"type":"step"') && !child.killed) child.kill('SIGINT');
    }
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(130);
    const summary = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as {
      status: string;
      checkpoint: string;
    };
    expect(summary.status).toBe('interrupted');
    expect(readFileSync(join(summary.checkpoint, 'config.json'), 'utf8')).toContain('bert');
  });
  it('trains from code', async () => {
    const news: RunNews['type'][] = [];
    const summary = await train(
      {
        modelNameOrPath: model,
        trainFile: data,
        maxSteps: 2,
        maxSeqLength: 16,
        engine: 'onnx',
        outputDir: join(folder, 'api'),
      },
      { cacheFolder, onEvent: ({ type }) => news.push(type) },
    );
    expect(summary).toMatchObject({ status: 'completed', steps: 2, engine: 'onnx' });
    expect(news).toContain('step');
  });

  it('tells the doubts about the data before the first step, in the words of check', async () => {
    const validation = join(folder, 'overlapping.tsv');
    writeFileSync(validation, `${readFileSync(data, 'utf8')}w1 w2\tpositive\n`);
    const args = [...options, '--validation_file', validation, '--max_steps', '1', '--json'];
    const trained = await microtune(['train', ...args, '--output_dir', join(folder, 'doubtful')]);
    expect(trained.code).toBe(0);
    const news = trained.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const notes = news.filter(({ type, code }) => type === 'note' && code === 'data');
    expect(notes.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^32 training rows/),
      '32 of 33 validation rows (97 %) have the text of a training row: the metrics flatter the model',
    ]);
    expect(news.indexOf(notes[1] ?? {})).toBeLessThan(
      news.findIndex(({ type }) => type === 'step'),
    );
    const checked = JSON.parse((await microtune(['check', ...args])).stdout) as { notes: object[] };
    expect(checked.notes).toContainEqual({ code: 'data', text: notes[1]?.['text'] });
  });
});

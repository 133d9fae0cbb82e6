import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScene } from '../testing/scene.js';

const scene = createScene();
const { folder, regressor, data, options, microtune } = scene;
beforeAll(() => scene.prepare());
afterAll(() => scene.remove());

describe('microtune check', () => {
  it('checks without training, and finds what is wrong', async () => {
    const checked = await microtune(['check', ...options, '--json']);
    expect(checked).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(checked.stdout)).toMatchObject({
      train_rows: 32,
      steps: 12,
      text_columns: ['text'],
      label_column: 'label',
      problem_type: 'single_label_classification',
      labels: ['negative', 'positive'],
    });
    expect(JSON.parse(checked.stdout)).toMatchObject({ warmup_steps: 0, warmup_share: 0 });
    expect(checked.stdout).not.toContain('overlap_rows');
    const missing = await microtune([
      'check',
      ...options,
      '--train_file',
      join(folder, 'none.tsv'),
    ]);
    expect(missing.code).toBe(65);
    expect(missing.stderr).toContain('none.tsv');
  });
  it('reports what is in the data, with a note for each doubt', async () => {
    const rows = [
      ...Array.from({ length: 4 }, (_, n) => `w${n} w9\tnegative\n`),
      ...Array.from({ length: 3 }, (_, n) => `w${n + 10}${' w1'.repeat(20)}\tnegative\n`),
      'w0 w9\tpositive\n',
      'w1 w9\tnegative\n',
      'w50\tnegative\n',
    ];
    const trainFile = join(folder, 'doubtful.tsv');
    const validationFile = join(folder, 'overlapping.tsv');
    writeFileSync(trainFile, `text\tlabel\n${rows.join('')}`);
    writeFileSync(validationFile, 'text\tlabel\nw1 w9\tnegative\nw70 w71\tpositive\n');
    const args = [
      'check',
      ...options.map((each) => (each === data ? trainFile : each)),
      '--validation_file',
      validationFile,
      '--train_batch_size',
      '2',
      '--max_steps',
      '10',
      '--warmup_steps',
      '4',
    ];
    const { stdout } = await microtune([...args, '--json']);
    const { notes, ...facts } = JSON.parse(stdout) as { notes: { code: string; text: string }[] };
    expect(facts).toMatchObject({
      train_rows: 10,
      class_counts: { negative: 9, positive: 1 },
      tokens: { min: 3, median: 4, p95: 16, max: 16 },
      truncated_share: 0.3,
      duplicate_rows: 2,
      conflicting_rows: 2,
      evaluation_rows: 2,
      evaluation_class_counts: { negative: 1, positive: 1 },
      overlap_rows: 1,
      overlap_share: 0.5,
      warmup_steps: 4,
      warmup_share: 0.4,
    });
    expect(notes.filter(({ code }) => code === 'data').map(({ text }) => text)).toEqual([
      expect.stringMatching(/^1 of 2 validation rows \(50 %\) have the text of a training row/),
      expect.stringMatching(/^2 of 10 training rows \(20 %\) have .* another label$/),
      expect.stringMatching(
        /^3 of 10 training rows \(30 %\) are longer than max_seq_length 16 and were cut/,
      ),
      'a class has one training row: "positive"',
    ]);
    const text = await microtune([...args, '--warmup_steps', '10']);
    expect(text.stdout).toMatch(/class counts +│ negative: 9, positive: 1/);
    expect(text.stdout).toMatch(/truncated share +│ 30 %/);
    expect(text.stdout).toContain('note: 1 of 2 validation rows');
    expect(text.stdout).toMatch(/note: warm-up takes 10 steps of a run of 10/);
  });
  it('checks what train would refuse: a metric that this data has not, a folder with a finished run', async () => {
    const metric = await microtune(['check', ...options, '--metric_for_best_model', 'pearson']);
    expect(metric).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('"pearson"') as unknown,
    });
    const taken = join(folder, 'taken');
    mkdirSync(taken);
    writeFileSync(join(taken, 'summary.json'), '{"status":"completed"}');
    const marker = { microtune_run: 1, run_id: 'r', has_model: false };
    writeFileSync(join(taken, 'microtune.json'), JSON.stringify(marker));
    const finished = await microtune(['check', ...options, '--output_dir', taken]);
    expect(finished).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('--overwrite_output_dir') as unknown,
    });
    const both = [...options, '--output_dir', taken, '--train_file', join(folder, 'none.tsv')];
    const { code, stderr } = await microtune(['check', ...both]);
    expect(code).toBe(65);
    expect(stderr).toMatch(/none\.tsv[^]*and output_dir: .* holds a finished run/);
  });
  it('checks the data also where the default output folder holds a run (E27)', async () => {
    const cwd = join(folder, 'project');
    mkdirSync(join(cwd, 'trainer_output'), { recursive: true });
    writeFileSync(join(cwd, 'trainer_output', 'mine.txt'), 'mine');
    const found = await microtune(['check', ...options], '', cwd);
    expect(found).toMatchObject({ code: 0, stderr: '' });
    expect(found.stdout).toMatch(/train rows[^]*note: output_dir: trainer_output .*mine\.txt/);
    expect(found.stdout).not.toContain('ready to train');
  });

  it('says that the labels of a regression are numbers, and which', async () => {
    const numbers = join(folder, 'numbers.tsv');
    const rows = Array.from({ length: 9 }, (_, n) => `w${n} w${n + 1}\t${n / 2 - 1}\n`);
    writeFileSync(numbers, `text\tlabel\n${rows.join('')}`);
    const args = [
      'check',
      ...['--model_name_or_path', regressor, '--train_file', numbers],
      ...['--max_seq_length', '16', '--engine', 'onnx'],
    ];
    const { code, stdout, stderr } = await microtune(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/│ problem type +│ regression/);
    expect(stdout).toMatch(/│ labels +│ numbers, min -1, median 1, p95 3, max 3 +│/);
    expect(stdout).not.toContain('label range');
    const { stdout: json } = await microtune([...args, '--json']);
    expect(JSON.parse(json)).toMatchObject({ labels: [], label_range: { min: -1, max: 3 } });
  });

  it('tells how long the run will take from an earlier run here, and before that nothing', async () => {
    // Two threads: no other test of this file leaves a run of that kind.
    const args = [...options, '--threads_per_worker', '2', '--max_steps', '12'];
    const before = await microtune(['check', ...args]);
    expect(before.stdout).toMatch(/expected time +│ unknown until the first run +│/);
    const run = join(folder, 'timed');
    const trained = await microtune(['train', ...args, '--output_dir', run, '--json']);
    const { wall_seconds: seconds } = JSON.parse(trained.lines.at(-1) ?? '') as {
      wall_seconds: number;
    };
    const after = await microtune(['check', ...args]);
    expect(after.stdout).toMatch(
      /expected time +│ about [\d.]+ s \(estimated from an earlier run of such a model here\) +│/,
    );
    const told = JSON.parse((await microtune(['check', ...args, '--json'])).stdout) as {
      expected_seconds: number;
    };
    // The machine is shared: the same run may take a few times as long now.
    expect(told.expected_seconds).toBeGreaterThan(seconds / 5);
    expect(told.expected_seconds).toBeLessThan(seconds * 5);
  });
});

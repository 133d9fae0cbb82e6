import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunNews } from '@microtune/coordinator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { benchRows, writeBenchModel } from './bench/bench-model.js';
import { train } from './train.js';

const bin = fileURLToPath(new URL('../bin/microtune.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'microtune-cli-'));
const model = join(folder, 'model');
const data = join(folder, 'train.tsv');
const held = join(folder, 'held.tsv');
const cacheFolder = join(folder, 'cache');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  mkdirSync(model);
  await writeBenchModel(model, { layers: 1, hiddenSize: 32 });
  writeFileSync(data, benchRows({ rows: 32, tokens: 12 }));
  writeFileSync(held, benchRows({ rows: 24, tokens: 12 }));
});

const start = (...args: string[]) => startIn(process.cwd(), args);
const startIn = (cwd: string, args: string[]) =>
  spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { ...process.env, MICROTUNE_CACHE: cacheFolder },
  });

/** The real command, to its end. */
const microtune = async (args: string[], input = '', cwd = process.cwd()) => {
  const child = startIn(cwd, args);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += String(chunk)));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output, lines: output.stdout.split('\n').filter((line) => line !== '') };
};

const textOf = (n: number): string => `w${n} w${n + 1} w${2 * n} w${(n * n) % 1000}`;
const predict = ['predict', model, '--engine', 'onnx', '--threads', '1'];

describe('microtune predict', () => {
  it('answers each line in order, and rubbish with an error record', async () => {
    const inputs = Array.from({ length: 300 }, (_, n) => JSON.stringify({ text: textOf(n) }));
    inputs[100] = '{"text": rubbish';
    const forward = await microtune(predict, inputs.map((line) => `${line}\n`).join(''));
    expect(forward).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /^note: 1 of 300 lines have no answer; the first: .*:101: bad JSON/,
      ),
    });
    const records = forward.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records).toHaveLength(300);
    expect(records[100]).toMatchObject({ line: 101 });
    expect(String(records[100]?.['error'])).toContain('JSON');
    expect(records[99]).toMatchObject({ label: expect.stringMatching(/positive|negative/) });

    // The same lines from the last to the first: each keeps its own answer.
    const backward = await microtune(
      predict,
      inputs
        .toReversed()
        .map((line) => `${line}\n`)
        .join(''),
    );
    const scores = (lines: string[]) =>
      lines.map((line) => Number((JSON.parse(line) as { score?: number }).score));
    const [there, back] = [scores(forward.lines), scores(backward.lines).toReversed()];
    expect(new Set(there).size).toBeGreaterThan(200);
    for (const [n, score] of there.entries()) {
      if (n !== 100) expect(back[n]).toBeCloseTo(score, 5);
    }
  });

  it('answers a line before the next one comes, and leaves quietly when nobody reads any more', async () => {
    const child = start(...predict);
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
    child.stdin.on('error', () => undefined);
    child.stdin.write(`{"text":"${textOf(1)}"}\n`);
    const [answer] = (await once(child.stdout, 'data')) as [Buffer];
    expect(JSON.parse(String(answer))).toHaveProperty('label');
    child.stdout.destroy();
    for (let n = 0; n < 50; n++) child.stdin.write(`{"text":"${textOf(n)}"}\n`);
    const [code] = (await once(child, 'exit')) as [number | null];
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
  });

  it('E18: tells line and id, keeps blank lines, and fails when no line has an answer', async () => {
    const some = await microtune(predict, '{"id":"x1","text":"w1 w2"}\n\n{"text":"w3"}\n');
    expect(some.code).toBe(0);
    expect(some.lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { line: 1, id: 'x1', label: expect.any(String) as unknown },
      { line: 2, error: 'standard input:2: blank line' },
      { line: 3, label: expect.any(String) as unknown },
    ]);
    const none = await microtune(
      predict,
      'rubbish\n{"text":7.5e999}\n\n'.replace('7.5e999', 'null'),
    );
    expect(none).toMatchObject({
      code: 65,
      stderr: expect.stringMatching(
        /none of 3 lines has an answer: standard input:1: bad JSON/,
      ) as unknown,
    });
    expect(none.lines).toHaveLength(3);
  });

  it('takes a text file, a text per line', async () => {
    const file = join(folder, 'lines.txt');
    writeFileSync(file, 'w1 w2\nw3\n');
    const { code, lines } = await microtune([...predict, '--file', file]);
    expect({ code, lines: lines.length }).toEqual({ code: 0, lines: 2 });
  });

  it('refuses a model that was never trained', async () => {
    const untrained = join(folder, 'untrained');
    mkdirSync(untrained);
    const { code, stderr } = await microtune(['predict', untrained]);
    expect(code).toBe(64);
    expect(stderr).toContain('holds no trained model');
  });
});

describe('microtune predict --json', () => {
  it('answers an error as a JSON line, too', async () => {
    const { code, lines } = await microtune([...predict, '--json', '--file', 'none.jsonl']);
    expect(code).toBe(65);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { type: 'error', code: 'data', exit_code: 65 },
    ]);
  });
});

describe('microtune train, eval, check', () => {
  const options = [
    '--model_name_or_path',
    model,
    '--train_file',
    data,
    '--max_seq_length',
    '16',
    '--engine',
    'onnx',
  ];

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
        /^32 training rows \(negative: \d+, positive: \d+\); 12 tokens in the median, 12 at most, 0 % at max_seq_length$/,
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
      at_limit_share: 0.3,
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
      expect.stringMatching(/^3 of 10 training rows \(30 %\) are as long as max_seq_length 16/),
      'a class has one training row: "positive"',
    ]);
    const text = await microtune([...args, '--warmup_steps', '10']);
    expect(text.stdout).toMatch(/class counts +│ negative: 9, positive: 1/);
    expect(text.stdout).toMatch(/at limit share +│ 30 %/);
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
});

describe('microtune bench and doctor', () => {
  it('measures engines in numbers', async () => {
    const small = [
      '--layers',
      '1',
      '--hidden_size',
      '32',
      '--rows',
      '2',
      '--tokens',
      '16',
      '--repeats',
      '2',
    ];
    const { code, stdout, stderr } = await microtune([
      'bench',
      'engine',
      '--engine',
      'onnx',
      ...small,
      '--json',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { results, notes } = JSON.parse(stdout) as {
      results: { tokensPerSecond: number }[];
      notes: string[];
    };
    expect(results).toHaveLength(1);
    expect(results[0]?.tokensPerSecond).toBeGreaterThan(0);
    expect(notes).toEqual(['engine onnx does not run bf16 on this machine']);
  });

  it('fails when nothing could be measured', async () => {
    const { code, stdout, stderr } = await microtune([
      'bench',
      'engine',
      '--engine',
      'onnx',
      '--bf16',
      'true',
    ]);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain('nothing to measure: engine onnx does not run bf16');
  });

  it('says which engines load, and what to do about others', async () => {
    const { code, stdout } = await microtune(['doctor', '--json']);
    expect(code).toBe(0);
    const { engines } = JSON.parse(stdout) as {
      engines: { name: string; loads: boolean; remedy?: string }[];
    };
    expect(engines.find(({ name }) => name === 'onnx')?.loads).toBe(true);
    const lacking = engines.filter(({ loads }) => !loads).map(({ remedy }) => remedy);
    expect(lacking).toEqual([
      'microtune setup openvino',
      'microtune setup xla',
      'microtune setup tensorflow',
      'microtune setup xla --cuda',
      'microtune setup tensorflow --cuda',
    ]);
  });
});

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRunConfig, runFolder } from '@microtune/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { refuseEarlierRun } from './earlier-run.js';
import { listCheckpoints } from './list-checkpoints.js';
import { resolveConfig } from './resolve-config.js';
import { openLineFile, truncateLines, writeConfig } from './run-files.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'microtune-run-files-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const machine = { cores: 4, engine: 'onnx', devices: ['cpu'] } as const;
const configOf = (more: Record<string, unknown> = {}) =>
  parseRunConfig({ modelNameOrPath: 'model', trainFile: 'train.csv', outputDir: root, ...more });

describe('refuseEarlierRun', () => {
  const putCheckpoint = (step: number): void => {
    mkdirSync(join(root, `checkpoint-${step}`));
    writeFileSync(join(root, `checkpoint-${step}`, 'trainer_state.json'), '{}');
  };

  it('refuses a finished run, naming the ways out', () => {
    writeFileSync(runFolder(root).summary, '{"status":"completed"}');
    expect(() => refuseEarlierRun(runFolder(root))).toThrow('--overwrite_output_dir');
  });

  it('refuses to lose checkpoints of an unfinished run, names the newest', () => {
    for (const step of [9, 10]) putCheckpoint(step);
    // What others keep under such a name is none.
    mkdirSync(join(root, 'checkpoint-11'));
    expect(() => refuseEarlierRun(runFolder(root))).toThrow(
      /checkpoint-10 with --resume_from_checkpoint/,
    );
    expect(listCheckpoints(root)).toEqual([
      join(root, 'checkpoint-9'),
      join(root, 'checkpoint-10'),
    ]);
  });

  it('lets a failed run without checkpoints be replaced', () => {
    writeFileSync(runFolder(root).summary, '{"status":"failed"}');
    refuseEarlierRun(runFolder(root));
  });
});

describe('resolveConfig', () => {
  it('resolves the global batch once', () => {
    const written = { perDeviceTrainBatchSize: 4, workers: 3, gradientAccumulationSteps: 2 };
    expect(resolveConfig(configOf(written), machine)).toMatchObject({
      trainBatchSize: 24,
      threadsPerWorker: 1,
      engine: 'onnx',
      dataSeed: 42,
    });
    const batchOf = (options: Parameters<typeof configOf>[0]) =>
      resolveConfig(configOf(options), machine).trainBatchSize;
    expect(batchOf({ ...written, trainBatchSize: 10 })).toBe(10);
    expect([1, 2, 3].map((workers) => batchOf({ workers }))).toEqual([8, 8, 8]);
    expect(batchOf({ workers: 3, gradientAccumulationSteps: 2 })).toBe(16);
  });

  it('refuses to continue without a checkpoint', () => {
    expect(() => resolveConfig(configOf({ resumeFromCheckpoint: true }), machine)).toThrow(
      'no checkpoint',
    );
    const absent = { resumeFromCheckpoint: join(root, 'checkpoint-3') };
    expect(() => resolveConfig(configOf(absent), machine)).toThrow(
      /checkpoint-3 does not exist; there is no other checkpoint/,
    );
    const cut = join(root, 'checkpoint-9');
    for (const folder of [join(root, 'checkpoint-6'), cut]) mkdirSync(folder);
    writeFileSync(join(cut, 'trainer_state.json'), '{"epoch": 0.1');
    writeFileSync(join(root, 'checkpoint-6', 'trainer_state.json'), '{}');
    const advice = `Run again with --resume_from_checkpoint ${join(root, 'checkpoint-6')} to go on`;
    expect(() => resolveConfig(configOf({ resumeFromCheckpoint: true }), machine)).toThrow(advice);
  });

  it('writes a file that can be given to train again', () => {
    const config = resolveConfig(configOf({ lrSchedulerKwargs: { numCycles: 2 } }), machine);
    writeConfig(join(root, 'config.yaml'), config);
    expect(parse(readFileSync(join(root, 'config.yaml'), 'utf8'))).toMatchObject({
      model_name_or_path: 'model',
      train_batch_size: 8,
      learning_rate: 5e-5,
    });
  });
});

describe('line files', () => {
  it('drop lines after the resumed step, and one cut short', () => {
    const file = join(root, 'metrics.jsonl');
    const lines = openLineFile(file);
    for (const step of [1, 2, 3]) lines.write({ step });
    lines.close();
    writeFileSync(file, '{"step":', { flag: 'a' });
    truncateLines(file, 2);
    expect(readFileSync(file, 'utf8')).toBe('{"step":1}\n{"step":2}\n');
  });
});

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRunConfig, runFolder } from '@microtune/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { listCheckpoints } from './list-checkpoints.js';
import { resolveConfig } from './resolve-config.js';
import {
  openLineFile,
  prepareRunFolder,
  removeEarlierRun,
  truncateLines,
  writeConfig,
} from './run-files.js';
import { lockRunFolder } from './run-lock.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'microtune-run-files-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const machine = { cores: 4, engine: 'onnx', devices: ['cpu'] } as const;
const configOf = (more: Record<string, unknown> = {}) =>
  parseRunConfig({ modelNameOrPath: 'model', trainFile: 'train.csv', outputDir: root, ...more });

describe('prepareRunFolder', () => {
  const fresh = { resuming: false, overwrite: false };

  it('refuses a finished run unless told to overwrite it', () => {
    const folder = runFolder(root);
    writeFileSync(folder.summary, '{"status":"completed"}');
    writeFileSync(folder.metrics, '{}');
    expect(() => prepareRunFolder(folder, fresh)).toThrow('--overwrite_output_dir');
    prepareRunFolder(folder, { resuming: false, overwrite: true });
    expect(existsSync(folder.summary)).toBe(false);
  });

  it('loses nothing of an overwritten run before the new one is about to train', () => {
    const folder = runFolder(root);
    for (const kept of ['checkpoint-9', 'best']) mkdirSync(join(root, kept));
    writeFileSync(folder.metrics, '{"step":9}\n');
    prepareRunFolder(folder, { resuming: false, overwrite: true });
    expect(listCheckpoints(root)).toEqual([join(root, 'checkpoint-9')]);
    expect(existsSync(folder.best)).toBe(true);
    expect(readFileSync(folder.metrics, 'utf8')).toBe('{"step":9}\n');

    const metrics = openLineFile(folder.metrics);
    removeEarlierRun(folder);
    metrics.write({ step: 1 });
    metrics.close();
    expect(listCheckpoints(root)).toEqual([]);
    expect(existsSync(folder.best)).toBe(false);
    expect(readFileSync(folder.metrics, 'utf8')).toBe('{"step":1}\n');
  });

  it('refuses to lose checkpoints of an unfinished run, names the newest', () => {
    mkdirSync(join(root, 'checkpoint-9'));
    mkdirSync(join(root, 'checkpoint-10'));
    expect(() => prepareRunFolder(runFolder(root), fresh)).toThrow(
      /checkpoint-10 with --resume_from_checkpoint/,
    );
    prepareRunFolder(runFolder(root), { resuming: true, overwrite: false });
    expect(listCheckpoints(root)).toEqual([
      join(root, 'checkpoint-9'),
      join(root, 'checkpoint-10'),
    ]);
  });

  it('takes the folder of a failed run without checkpoints, and one that holds other files', () => {
    writeFileSync(runFolder(root).summary, '{"status":"failed"}');
    writeFileSync(join(root, 'notes.txt'), 'mine');
    prepareRunFolder(runFolder(root), fresh);
    expect(existsSync(join(root, 'notes.txt'))).toBe(true);
  });

  it('says when the folder cannot be made', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => prepareRunFolder(runFolder(join(root, 'file', 'run')), fresh)).toThrow(
      /cannot write/,
    );
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

  it('refuses to train into the model folder, or to continue without a checkpoint', () => {
    expect(() => resolveConfig(configOf({ modelNameOrPath: root }), machine)).toThrow(
      'overwrite its own start',
    );
    expect(() => resolveConfig(configOf({ resumeFromCheckpoint: true }), machine)).toThrow(
      'no checkpoint',
    );
    const absent = { resumeFromCheckpoint: join(root, 'checkpoint-3') };
    expect(() => resolveConfig(configOf(absent), machine)).toThrow(
      /not a whole checkpoint.*No earlier checkpoint is there/,
    );
    const cut = join(root, 'checkpoint-9');
    for (const folder of [join(root, 'checkpoint-6'), cut]) mkdirSync(folder);
    writeFileSync(join(cut, 'trainer_state.json'), '{"epoch": 0.1');
    const advice = `Run again with --resume_from_checkpoint ${join(root, 'checkpoint-6')} to go on`;
    expect(() => resolveConfig(configOf({ resumeFromCheckpoint: true }), machine)).toThrow(advice);
  });

  it('refuses an output folder that a file is in the way of', () => {
    writeFileSync(join(root, 'file'), '');
    const blocked = { outputDir: join(root, 'file', 'deep', 'run') };
    expect(() => resolveConfig(configOf(blocked), machine)).toThrow(/file is not a folder/);
    symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
    const dangling = { outputDir: join(root, 'dangling', 'run') };
    expect(() => resolveConfig(configOf(dangling), machine)).toThrow(/output_dir: .*dangling/);
    symlinkSync(join(root, 'loop'), join(root, 'loop'));
    const loop = { outputDir: join(root, 'loop', 'run') };
    expect(() => resolveConfig(configOf(loop), machine)).toThrow(/output_dir: .*ELOOP/);
  });

  it.runIf(process.platform === 'linux')(
    'refuses an output folder where nothing can be made',
    () => {
      for (const outputDir of ['/proc/runs/a', '/proc/self', '/sys']) {
        expect(() => resolveConfig(configOf({ outputDir }), machine)).toThrow(
          /^output_dir: .* cannot be written, because nothing can be made in .*choose another/,
        );
      }
    },
  );

  it.skipIf(process.getuid?.() === 0)('refuses an output folder without permission', () => {
    const closed = join(root, 'closed');
    mkdirSync(closed, { mode: 0o555 });
    const outputDir = join(closed, 'run');
    expect(() => resolveConfig(configOf({ outputDir }), machine)).toThrow(/EACCES/);
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

describe('lockRunFolder', () => {
  it('keeps a second process out, and takes over from a dead one', () => {
    const lock = join(root, '.microtune.lock');
    writeFileSync(lock, JSON.stringify({ pid: process.ppid, host: 'elsewhere' }));
    expect(() => lockRunFolder(root)).toThrow(/is training into/);
    writeFileSync(lock, '{"pid":');
    const release = lockRunFolder(root);
    expect(existsSync(lock)).toBe(true);
    release();
    expect(existsSync(lock)).toBe(false);
  });
});

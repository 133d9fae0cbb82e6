/** What tests of the command need: a small model, files of rows, a cache of their own, and the real command on them. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchRows, writeBenchModel } from '../bench/bench-model.js';

const bin = fileURLToPath(new URL('../../bin/microtune.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Of standard output, blank ones left out. */
  readonly lines: readonly string[];
}

export interface Scene {
  readonly folder: string;
  /** BERT of one layer with a head of two classes. */
  readonly model: string;
  /** The same with a head of one number. */
  readonly regressor: string;
  /** 32 rows of 12 tokens. */
  readonly data: string;
  /** 24 other rows of 12 tokens. */
  readonly held: string;
  readonly cacheFolder: string;
  /** Of a run on `model` and `data`. */
  readonly options: readonly string[];
  prepare(): Promise<void>;
  /** The real command, as a process that goes on. */
  start(...args: readonly string[]): ChildProcessWithoutNullStreams;
  /** The real command, to its end. @param input for its standard input */
  microtune(args: readonly string[], input?: string, cwd?: string): Promise<Finished>;
  remove(): void;
}

export function createScene(): Scene {
  const folder = mkdtempSync(join(tmpdir(), 'microtune-cli-'));
  const [model, regressor] = [join(folder, 'model'), join(folder, 'regressor')];
  const cacheFolder = join(folder, 'cache');
  const [data, held] = [join(folder, 'train.tsv'), join(folder, 'held.tsv')];
  const startIn = (cwd: string, args: readonly string[]): ChildProcessWithoutNullStreams =>
    spawn(process.execPath, [bin, ...args], {
      cwd,
      env: { ...process.env, MICROTUNE_CACHE: cacheFolder },
    });
  return {
    ...{ folder, model, regressor, data, held, cacheFolder },
    options: [
      ...['--model_name_or_path', model, '--train_file', data],
      ...['--max_seq_length', '16', '--engine', 'onnx'],
    ],
    async prepare() {
      for (const where of [model, regressor]) mkdirSync(where);
      await writeBenchModel(model, { layers: 1, hiddenSize: 32 });
      await writeBenchModel(regressor, { layers: 1, hiddenSize: 32, labels: [] });
      writeFileSync(data, benchRows({ rows: 32, tokens: 12 }));
      writeFileSync(held, benchRows({ rows: 24, tokens: 12 }));
    },
    start: (...args) => startIn(process.cwd(), args),
    async microtune(args, input = '', cwd = process.cwd()) {
      const child = startIn(cwd, args);
      const output = { stdout: '', stderr: '' };
      child.stdout.on('data', (chunk: Buffer) => (output.stdout += String(chunk)));
      child.stderr.on('data', (chunk: Buffer) => (output.stderr += String(chunk)));
      child.stdin.end(input);
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, ...output, lines: output.stdout.split('\n').filter((line) => line !== '') };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

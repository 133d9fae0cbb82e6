/** The real thing as users start it: `microtune train` as a process with worker processes under it, seen from outside. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Summary } from '@microtune/coordinator';
import type { TinyJob } from './tiny-job.js';

const microtune = fileURLToPath(new URL('../../packages/cli/bin/microtune.js', import.meta.url));

export interface TrainOptions {
  readonly output: string;
  readonly workers: number;
  /** Further options as the command takes them; undefined leaves out one that tests give otherwise. */
  readonly options?: Readonly<Record<string, string | number | boolean | undefined>>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Everything it wrote to stdout and stderr. */
  readonly text: string;
}

export interface Cluster extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** What it wrote so far. */
  text(): string;
  /** Worker processes alive now, with their ranks. */
  workers(): { pid: number; rank: number }[];
  /** Resolves when the workers have trained `step`; rejects when the command ends before. */
  reaches(step: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

/** The command line and environment of `microtune train`. */
export function trainCommand(
  job: TinyJob,
  { output, workers, options = {} }: TrainOptions,
): { command: string[]; env: NodeJS.ProcessEnv } {
  const all = {
    model_name_or_path: job.model,
    train_file: job.train,
    output_dir: output,
    workers,
    engine: 'onnx',
    threads_per_worker: 1,
    train_batch_size: 8,
    micro_batch_tokens: 32,
    max_seq_length: 32,
    learning_rate: 1e-3,
    save_strategy: 'no',
    json: true,
    ...options,
  };
  const args = Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${name}=${value}`);
  return {
    command: [process.execPath, microtune, 'train', ...args],
    env: { ...process.env, MICROTUNE_CACHE: cacheOf(job) },
  };
}

/** Starts `microtune train`; whatever is left when disposed is killed. */
export function startTraining(job: TinyJob, options: TrainOptions): Cluster {
  const { output } = options;
  const { command, env } = trainCommand(job, options);
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const pid = child.pid ?? 0;
  const written = collect(child);
  const ended = endOf(child, written);
  const started = new Set<number>();
  const workersNow = (): { pid: number; rank: number }[] => {
    const found = workersOf(pid);
    for (const worker of found) started.add(worker.pid);
    return found;
  };
  return {
    pid,
    ended,
    text: written,
    workers: workersNow,
    reaches: (step) => reaches(output, step, { ended, look: workersNow }),
    signal: (signal) => void child.kill(signal),
    [Symbol.asyncDispose]: async () => {
      workersNow();
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended;
      for (const left of [...started].filter(isAlive)) process.kill(left, 'SIGKILL');
    },
  };
}

/** Trains to the end. @returns the summary; throws with the command's output when it failed */
export async function train(job: TinyJob, options: TrainOptions): Promise<Summary> {
  await using cluster = startTraining(job, options);
  const { code, text } = await cluster.ended;
  if (code !== 0) throw new Error(`train ended with code ${code}:\n${text}`);
  return readSummary(options.output);
}

export function readSummary(output: string): Summary {
  return JSON.parse(readFileSync(join(output, 'summary.json'), 'utf8')) as Summary;
}

/** Lines of metrics.jsonl that are about training steps. */
export function readSteps(output: string): { step: number; loss: number }[] {
  const file = join(output, 'metrics.jsonl');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as { step: number; loss: number })
    .filter((line) => line.loss !== undefined);
}

/** Processes of the job's runs that are alive: its cache folder is in their environment. */
export function processesOf(job: TinyJob): number[] {
  return readdirSync('/proc')
    .filter((name) => readProc(name, 'environ').includes(`MICROTUNE_CACHE=${cacheOf(job)}\0`))
    .map(Number)
    .filter(isAlive);
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0) && !isZombie(pid);
  } catch {
    return false;
  }
}

/** Resolves when the condition holds; throws when it does not within the time. */
export async function eventually(
  condition: () => boolean,
  timeoutMs: number,
  what: string,
): Promise<void> {
  const until = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > until) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function cacheOf(job: TinyJob): string {
  return join(job.root, 'cache');
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  return () => text;
}

function endOf(child: ChildProcess, text: () => string): Promise<Ended> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, text: text() }));
  });
}

async function reaches(
  output: string,
  step: number,
  { ended, look }: { ended: Promise<Ended>; look: () => void },
): Promise<void> {
  let end: Ended | undefined;
  void ended.then((value) => {
    end = value;
  });
  await eventually(
    () => {
      look();
      if (end !== undefined) throw new Error(`train ended before step ${step}:\n${end.text}`);
      return readSteps(output).some((line) => line.step >= step);
    },
    60_000,
    `step ${step}`,
  );
}

/** Children of the process whose title is that of a worker. */
function workersOf(pid: number): { pid: number; rank: number }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const rank = /^microtune worker (\d+)/.exec(
        readProc(name, 'cmdline').replaceAll('\0', ' '),
      )?.[1];
      const parent = /^PPid:\s+(\d+)$/m.exec(readProc(name, 'status'))?.[1];
      return rank !== undefined && Number(parent) === pid
        ? [{ pid: Number(name), rank: Number(rank) }]
        : [];
    });
}

function isZombie(pid: number): boolean {
  return /^State:\s+Z/m.test(readProc(String(pid), 'status'));
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * What a user waits for before anything happens: the command's help, doctor, one answer, and a training's first finished
 * step with its stations on the way. Warm caches; each figure is the median of whole processes.
 *
 *   node benchmarks/dist/start.bench.js [--rounds 5] [--engine openvino] [--only first-step,predict,help,doctor] [--shared ../shared] [--write]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { writeClassifier } from './support/classifier.js';
import { describeMachine } from './support/machine.js';
import { publishReport } from './support/report.js';
import { median } from './support/statistics.js';
import { timeCommand } from './support/timed-command.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    engine: { type: 'string', default: 'openvino' },
    only: { type: 'string', default: 'help,doctor,predict,first-step' },
    shared: { type: 'string', default: '../shared' },
    write: { type: 'boolean', default: false },
  },
});
const shared = resolve(options.shared);
const model = join(shared, 'models/minilm-l6');
const rounds = Number(options.rounds);
const parts = new Set(options.only.split(','));
const microtune = resolve('packages/cli/bin/microtune.js');
const folder = mkdtempSync(join(tmpdir(), 'microtune-start-bench-'));

const rows: (string | number)[][] = [];
const shown = (seconds: readonly number[]) => [
  `${median(seconds).toFixed(2)} s`,
  `${Math.min(...seconds).toFixed(2)}-${Math.max(...seconds).toFixed(2)} s`,
];

/** The first run fills the caches and is not counted. */
async function repeat<Result>(measure: () => Promise<Result>): Promise<Result[]> {
  await measure();
  const results: Result[] = [];
  for (let round = 0; round < rounds; round++) results.push(await measure());
  return results;
}

async function command(name: string, args: readonly string[], target: string): Promise<void> {
  const seconds = await repeat(
    async () => (await timeCommand({ command: process.execPath, args })).wallSeconds,
  );
  rows.push([name, ...shown(seconds), target]);
}

/** The lines of `train --json` that tell how far a start is, in their order. */
const stations = {
  opened: 'run opened',
  workers_loading: 'workers connected',
  ready: 'workers ready',
  step: 'first step finished',
} as const;
type Station = keyof typeof stations;

/** Seconds from the start of the command to each station; the command is stopped after its first step. */
async function firstStep(workers: number): Promise<Record<Station, number>> {
  const data = ['train', 'dev'].map((split) => join(shared, 'data/sst2', `${split}.tsv`));
  const output = join(folder, 'run');
  rmSync(output, { recursive: true, force: true });
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [
      ...[microtune, 'train', '--model_name_or_path', model, '--output_dir', output, '--json'],
      ...['--train_file', String(data[0]), '--validation_file', String(data[1])],
      ...['--column_names', 'sentence,label', '--train_batch_size', '32', '--max_steps', '50'],
      ...['--max_seq_length', '128', '--engine', options.engine, '--workers', String(workers)],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const seconds: Partial<Record<Station, number>> = {};
  for await (const line of createInterface(child.stdout)) {
    const event = JSON.parse(line) as { type: string; code?: string };
    const station = (event.type === 'reason' ? event.code : event.type) as Station;
    if (!(station in stations) || station in seconds) continue;
    seconds[station] = (performance.now() - started) / 1000;
    if (station === 'step') break;
  }
  child.kill('SIGINT');
  child.kill('SIGINT');
  await new Promise((done) => (child.exitCode === null ? child.on('exit', done) : done(undefined)));
  if (seconds.step === undefined) throw new Error('the training ended before its first step');
  return seconds as Record<Station, number>;
}

try {
  if (parts.has('help')) {
    await command('an empty program of Node', ['-e', '0'], '');
    await command('microtune --help', [microtune, '--help'], '0.15 s');
  }
  if (parts.has('doctor')) await command('microtune doctor', [microtune, 'doctor'], '1.0 s');
  if (parts.has('predict')) {
    const run = join(folder, 'classifier');
    const line = join(folder, 'line.txt');
    await writeClassifier(model, run);
    writeFileSync(line, 'a gripping film\n');
    const args = [microtune, 'predict', run, '--file', line, '--engine', options.engine];
    await command('microtune predict of one line', args, '1.2 s');
  }
  if (parts.has('first-step')) {
    for (const workers of [1, 2]) {
      const measured = await repeat(() => firstStep(workers));
      for (const [station, name] of Object.entries(stations)) {
        const seconds = measured.map((one) => one[station as Station]);
        const target = station === 'step' ? (workers === 1 ? '2.5 s' : '3.0 s') : '';
        rows.push([`train, ${workers} worker(s): ${name}`, ...shown(seconds), target]);
      }
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
publishReport(
  {
    what: 'start',
    title: 'What a user waits for: help, doctor, one answer, the first step (MiniLM, SST-2)',
    command: `node benchmarks/dist/start.bench.js --engine ${options.engine}`,
    machine: describeMachine(),
    columns: ['what', 'median', 'range', 'target'],
    rows,
    notes: [
      `warm caches, ${rounds} whole processes each after one that is not counted, ${cpus().length} cores, engine ${options.engine}`,
      'first step: 32 x up to 128 tokens, from the start of the command to the line of the finished step',
    ],
  },
  { write: options.write },
);

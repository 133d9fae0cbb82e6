/**
 * One SST-2 epoch with a pretrained MiniLM as a whole command, against the HuggingFace Trainer on the same files:
 * wall time, accuracy, peak memory, time to the first finished step. Both sides in one run, interleaved.
 *
 *   node benchmarks/dist/sst2-epoch.bench.js [--seeds 42,43,44] [--sides f32,bf16,hf,hf-grouped,hf-bf16-grouped] [--workers 1,2] [--write]
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './support/machine.js';
import { findPeers } from './support/peer.js';
import { publishReport } from './support/report.js';
import { spread } from './support/statistics.js';
import { timeCommand } from './support/timed-command.js';

interface Result {
  wallSeconds: number;
  accuracy: number;
  tokensPerSecond: number;
  peakGb: number;
  firstStepSeconds: number | undefined;
}

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '42' },
    sides: { type: 'string', default: 'f32,bf16,hf,hf-bf16-grouped' },
    workers: { type: 'string', default: '2' },
    shared: { type: 'string', default: '../shared' },
    python: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const shared = resolve(options.shared);
const model = join(shared, 'models/minilm-l6');
const file = (split: string): string => join(shared, 'data/sst2', `${split}.tsv`);

async function runOurs(seed: string, workers: string, bf16: boolean): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'microtune-bench-'));
  try {
    const run = await timeCommand({
      command: process.execPath,
      // prettier-ignore
      args: ['packages/cli/bin/microtune.js', 'train', '--model_name_or_path', model,
        '--train_file', file('train'), '--validation_file', file('dev'), '--column_names', 'sentence,label',
        '--num_train_epochs', '1', '--train_batch_size', '32', '--learning_rate', '5e-5', '--max_seq_length', '128',
        '--workers', workers, '--engine', 'openvino', '--bf16', String(bf16), '--seed', seed,
        '--logging_first_step', '--save_strategy', 'no', '--output_dir', join(folder, 'run'), '--json'],
      mark: (line) => /"step":\s*1\b/.test(line),
    });
    const summary = JSON.parse(readFileSync(join(folder, 'run/summary.json'), 'utf8')) as {
      eval: { accuracy: number };
      tokens_per_second: number;
    };
    return {
      wallSeconds: run.wallSeconds,
      accuracy: summary.eval.accuracy,
      tokensPerSecond: summary.tokens_per_second,
      peakGb: run.peakBytes / 1e9,
      firstStepSeconds: run.markSeconds,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runTrainer(seed: string, extra: readonly string[]): Promise<Result> {
  const peers = findPeers(options);
  if (!peers)
    throw new Error(
      'the HuggingFace Trainer is not here: leave its sides out with --sides f32,bf16',
    );
  const run = await timeCommand({
    command: peers.python,
    // prettier-ignore
    args: [join(peers.scripts, 'hf_trainer.py'), model, file('train'), file('dev'),
      '--epochs', '1', '--batch-size', '32', '--lr', '5e-5', '--max-length', '128', '--threads', '2', '--seed', seed, ...extra],
  });
  const line =
    run.stdout.split('\n').findLast((text) => text.startsWith('{"wall_seconds"')) ?? '{}';
  const result = JSON.parse(line) as { accuracy: number; real_tokens_per_second: number };
  return {
    wallSeconds: run.wallSeconds,
    accuracy: result.accuracy,
    tokensPerSecond: result.real_tokens_per_second,
    peakGb: run.peakBytes / 1e9,
    firstStepSeconds: undefined,
  };
}

type Side = { name: string; run: (seed: string) => Promise<Result> };

const ours = (precision: 'f32' | 'bf16'): Side[] =>
  options.workers.split(',').map((workers) => ({
    name: `microtune openvino ${precision}, ${workers} worker${workers === '1' ? '' : 's'}`,
    run: (seed) => runOurs(seed, workers, precision === 'bf16'),
  }));

const sidesByName: Record<string, Side[]> = {
  f32: ours('f32'),
  bf16: ours('bf16'),
  hf: [{ name: 'HF Trainer, defaults', run: (seed) => runTrainer(seed, []) }],
  'hf-grouped': [
    {
      name: 'HF Trainer, --group-by-length',
      run: (seed) => runTrainer(seed, ['--group-by-length']),
    },
  ],
  'hf-bf16-grouped': [
    {
      name: 'HF Trainer, --bf16 --group-by-length',
      run: (seed) => runTrainer(seed, ['--bf16', '--group-by-length']),
    },
  ],
};

const sides = options.sides.split(',').flatMap((name) => sidesByName[name] ?? []);
const results = new Map<string, Result[]>(sides.map((side) => [side.name, []]));
for (const seed of options.seeds.split(',')) {
  for (const side of sides) {
    const result = await side.run(seed);
    results.get(side.name)?.push(result);
    console.log(`seed ${seed}  ${side.name}: ${JSON.stringify(result)}`);
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;
const medianWall = (name: string): number =>
  spread((results.get(name) ?? []).map((r) => r.wallSeconds)).median;
const againstDefault = medianWall('HF Trainer, defaults');
/** `-` without a peer. */
function ratio(peerSeconds: number, ownSeconds: number): string {
  return Number.isFinite(peerSeconds) ? (peerSeconds / ownSeconds).toFixed(2) : '-';
}

// bf16 slows PyTorch down on a CPU without bfloat16 products: the best that was run counts.
const againstBest = Math.min(
  ...[...results.keys()].filter((name) => name.startsWith('HF')).map(medianWall),
);

publishReport(
  {
    what: 'sst2-epoch',
    title: 'One SST-2 epoch (6,920 rows, MiniLM L6/H384, batch 32), whole command',
    command: `node benchmarks/dist/sst2-epoch.bench.js ${process.argv.slice(2).join(' ')}`,
    machine: describeMachine(),
    columns: [
      'side',
      'wall s min / median',
      'x HF defaults',
      'x HF best',
      'accuracy mean',
      'real tokens/s median',
      'peak GB (PSS, all processes)',
      'first step s',
    ],
    rows: sides.map(({ name }) => {
      const runs = results.get(name) ?? [];
      const wall = spread(runs.map((r) => r.wallSeconds));
      const first = runs.flatMap((r) =>
        r.firstStepSeconds === undefined ? [] : [r.firstStepSeconds],
      );
      return [
        name,
        `${wall.min.toFixed(1)} / ${wall.median.toFixed(1)}`,
        ratio(againstDefault, wall.median),
        ratio(againstBest, wall.median),
        mean(runs.map((r) => r.accuracy)).toFixed(4),
        spread(runs.map((r) => r.tokensPerSecond)).median.toFixed(0),
        Math.max(...runs.map((r) => r.peakGb)).toFixed(2),
        first.length === 0 ? '' : spread(first).median.toFixed(1),
      ];
    }),
    notes: [
      `seeds ${options.seeds}; ratios are of median wall times; each side ran once per seed, in turn`,
    ],
  },
  { write: options.write },
);

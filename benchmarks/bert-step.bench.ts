/**
 * One training step (forward, backward, AdamW) of a randomly initialised BERT at 8 x 128 tokens, dropout off, against
 * PyTorch. Our side is the product: coordinator, one worker, engine, update. Rounds are interleaved.
 *
 *   node benchmarks/dist/bert-step.bench.js [--sizes l6,base] [--engines openvino,onnx] [--precisions f32,bf16] [--rounds 3] [--write]
 */
import { parseArgs } from 'node:util';
import { describeMachine } from './support/machine.js';
import { findPeers, runPeer } from './support/peer.js';
import { publishReport } from './support/report.js';
import { spread } from './support/statistics.js';
import { CommandFailed, timeCommand } from './support/timed-command.js';

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: 'l6,base' },
    engines: { type: 'string', default: 'openvino' },
    precisions: { type: 'string', default: 'f32,bf16' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    shared: { type: 'string' },
    python: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

const rows = 8;
const tokens = 128;
type Precision = 'f32' | 'bf16';

const shapes: Record<string, string[]> = {
  l6: ['--layers', '6', '--hidden_size', '384'],
  base: ['--layers', '12', '--hidden_size', '768'],
};

/** What `microtune` ends with where an engine or a precision does not run on this machine. */
const exitCodeOfUsage = 64;

/** Sides that were left out, and why. */
const leftOut = new Set<string>();

/** Milliseconds of a whole step, median of one process; undefined where the engine does not run. */
async function ours(
  size: string,
  engine: string,
  precision: Precision,
): Promise<number | undefined> {
  try {
    return await timeOurs(size, engine, precision);
  } catch (error) {
    if (!(error instanceof CommandFailed) || error.code !== exitCodeOfUsage) throw error;
    leftOut.add(error.stderr.trim());
    return undefined;
  }
}

async function timeOurs(size: string, engine: string, precision: Precision): Promise<number> {
  const { stdout } = await timeCommand({
    command: process.execPath,
    // prettier-ignore
    args: ['packages/cli/bin/microtune.js', 'bench', 'train', '--engine', engine, '--bf16', String(precision === 'bf16'),
      '--rows', String(rows), '--tokens', String(tokens), '--threads', options.threads, '--repeats', '10',
      ...(shapes[size] ?? []), '--json'],
  });
  const { results } = JSON.parse(stdout) as { results: [{ step_ms: { p50: number } }] };
  return results[0].step_ms.p50;
}

const peers = findPeers(options);

async function pytorch(size: string, precision: Precision): Promise<number | undefined> {
  if (!peers) {
    leftOut.add('PyTorch: its scripts or its Python were not found');
    return undefined;
  }
  // prettier-ignore
  const args = [size, String(rows), String(tokens), '--threads', options.threads, '--steps', '7',
    ...(precision === 'bf16' ? ['--bf16'] : [])];
  const [line] = await runPeer(peers, 'pytorch_bert.py', args);
  const { median_s: seconds } = line?.['with_adamw'] as { median_s: number };
  return seconds * 1000;
}

/** `-` without a peer. */
function ratio(peerMs: number, ownMs: number): string {
  return Number.isNaN(peerMs) ? '-' : (peerMs / ownMs).toFixed(2);
}

const machine = describeMachine();
const table: (string | number)[][] = [];
for (const size of options.sizes.split(',')) {
  for (const precision of options.precisions.split(',') as Precision[]) {
    const sides = [...options.engines.split(','), 'PyTorch'];
    const times = new Map<string, number[]>(sides.map((side) => [side, []]));
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const side of sides) {
        const ms =
          side === 'PyTorch' ? await pytorch(size, precision) : await ours(size, side, precision);
        if (ms === undefined) continue;
        times.get(side)?.push(ms);
        console.log(`${size} ${precision} round ${round + 1} ${side}: ${ms.toFixed(1)} ms`);
      }
    }
    const peer = spread(times.get('PyTorch') ?? []);
    for (const side of sides) {
      if (times.get(side)?.length === 0) continue;
      const own = spread(times.get(side) ?? []);
      table.push([
        size,
        precision,
        side,
        `${own.min.toFixed(0)} / ${own.median.toFixed(0)}`,
        ((rows * tokens * 1000) / own.median).toFixed(0),
        ratio(peer.median, own.median),
        ratio(peer.min, own.min),
      ]);
    }
  }
}

publishReport(
  {
    what: 'bert-step',
    title: `BERT training step with AdamW, ${rows} x ${tokens} tokens, dropout off, ${options.threads} threads`,
    command: `node benchmarks/dist/bert-step.bench.js ${process.argv.slice(2).join(' ')}`,
    machine,
    columns: [
      'model',
      'precision',
      'side',
      'ms min / median of rounds',
      'tokens/s (median)',
      'x PyTorch (medians)',
      'x PyTorch (minima)',
    ],
    rows: table,
    notes: [
      'l6 = 6 layers, width 384, 12 heads; base = 12 layers, width 768, 12 heads; vocabulary 30,522',
      `${options.rounds} rounds, sides in turn; each figure of a round is the median step of one process`,
      ...[...leftOut].map((why) => `left out: ${why}`),
      'our side is a whole run of the product: coordinator, one worker, engine, update of all parameters',
    ],
  },
  { write: options.write },
);

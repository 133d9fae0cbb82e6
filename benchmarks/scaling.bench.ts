/**
 * Two workers of one thread over one worker of one thread: full tuning of an L6/H384 BERT, 4,096 tokens a step, the
 * all-reduce included; and what a step takes outside engine, sums and optimizer.
 *
 *   node benchmarks/dist/scaling.bench.js [--engine openvino] [--bf16] [--rounds 3] [--write]
 */
import { parseArgs } from 'node:util';
import { describeMachine } from './support/machine.js';
import { publishReport } from './support/report.js';
import { spread } from './support/statistics.js';
import { timeCommand } from './support/timed-command.js';

interface RunSummary {
  workers: number;
  step_ms: { p50: number };
  step_parts_ms: Record<'engine' | 'reduce' | 'optimizer' | 'other', number>;
}

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string', default: 'openvino' },
    bf16: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
  },
});

/** Both numbers of workers, one after the other. */
async function runBoth(): Promise<RunSummary[]> {
  const { stdout } = await timeCommand({
    command: process.execPath,
    // prettier-ignore
    args: ['packages/cli/bin/microtune.js', 'bench', 'scaling', '--engine', options.engine, '--bf16', String(options.bf16),
      '--repeats', '12', '--json'],
  });
  return (JSON.parse(stdout) as { results: RunSummary[] }).results;
}

const summaries: RunSummary[] = [];
const speedups: number[] = [];
for (let round = 0; round < Number(options.rounds); round++) {
  const [one, two] = await runBoth();
  if (!one || !two) throw new Error('bench scaling gave no results');
  summaries.push(one, two);
  speedups.push(one.step_ms.p50 / two.step_ms.p50);
  console.log(`round ${round + 1}: ${speedups.at(-1)?.toFixed(3)} x`);
}

const figures = (workers: number, part: (summary: RunSummary) => number): string => {
  const { min, median } = spread(summaries.filter((s) => s.workers === workers).map(part));
  return `${min.toFixed(1)} / ${median.toFixed(1)}`;
};
const precision = options.bf16 ? 'bf16' : 'f32';
const { min, median, max } = spread(speedups);

publishReport(
  {
    what: `scaling-${options.engine}-${precision}`,
    title: `Two workers over one (${options.engine} ${precision}, 1 thread each, 4,096 tokens a step, full tuning of L6/H384)`,
    command: `node benchmarks/dist/scaling.bench.js ${process.argv.slice(2).join(' ')}`,
    machine: describeMachine(),
    columns: [
      'workers',
      'step ms (min / median)',
      'engine ms',
      'sums and exchange ms',
      'optimizer ms',
      'other ms',
    ],
    rows: [1, 2].map((workers) => [
      workers,
      figures(workers, (s) => s.step_ms.p50),
      figures(workers, (s) => s.step_parts_ms.engine),
      figures(workers, (s) => s.step_parts_ms.reduce),
      figures(workers, (s) => s.step_parts_ms.optimizer),
      figures(workers, (s) => s.step_parts_ms.other),
    ]),
    notes: [
      `speed-up min / median / max of ${options.rounds} rounds: ${min.toFixed(2)} / ${median.toFixed(2)} / ${max.toFixed(2)}`,
      'each figure of a round is the median over the steps of one run, compilation steps left out by the median',
    ],
  },
  { write: options.write },
);

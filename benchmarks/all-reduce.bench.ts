/**
 * The all-reduce between processes of one machine, against PyTorch's Gloo over loopback TCP: all in one run, in turns.
 * Ours twice: payloads read from the sender's memory, as between workers of one machine, and over TCP, as between machines.
 *
 *   node benchmarks/dist/all-reduce.bench.js [--world 2] [--mib 0.01,4,16,64] [--rounds 3] [--iterations 10] [--write]
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { FromRank, ToRank } from './support/all-reduce-rank.js';
import { describeMachine } from './support/machine.js';
import { findPeers, runPeer, type PeerLocation } from './support/peer.js';
import { publishReport } from './support/report.js';
import { median, spread } from './support/statistics.js';

const { values: options } = parseArgs({
  options: {
    world: { type: 'string', default: '2' },
    mib: { type: 'string', default: '0.01,4,16,64' },
    rounds: { type: 'string', default: '3' },
    iterations: { type: 'string', default: '10' },
    chunkKib: { type: 'string' },
    shared: { type: 'string' },
    python: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const worldSize = Number(options.world);
const sizes = options.mib.split(',').map(Number);
const iterations = Number(options.iterations);
const chunkBytes = options.chunkKib ? Number(options.chunkKib) * 1024 : undefined;

async function ask(child: ChildProcess, message: ToRank): Promise<FromRank> {
  child.send(message);
  const [reply] = (await once(child, 'message')) as [FromRank];
  return reply;
}

async function startRanks(readMemory: boolean): Promise<ChildProcess[]> {
  const main = fileURLToPath(new URL('support/all-reduce-rank.js', import.meta.url));
  // As workers should be started: freed memory is kept for the next frames, frames cause no full collections.
  const env = {
    ...process.env,
    MALLOC_MMAP_MAX_: '0',
    MALLOC_TRIM_THRESHOLD_: '100000000000',
  };
  const execArgv = ['--initial-old-space-size=256'];
  const ranks = Array.from({ length: worldSize }, () => fork(main, { env, execArgv }));
  const endpoints = await Promise.all(
    ranks.map((child, rank) => ask(child, { type: 'open', rank, readMemory })),
  );
  const peers = endpoints.map((endpoint, rank) => ({ rank, bulkEndpoint: String(endpoint) }));
  await Promise.all(ranks.map((child) => ask(child, { type: 'connect', peers })));
  return ranks;
}

/** Milliseconds of rank 0. */
async function timeOurs(ranks: readonly ChildProcess[], mib: number): Promise<number[]> {
  const message: ToRank = { type: 'time', mib, iterations, chunkBytes };
  const [times] = await Promise.all(ranks.map((child) => ask(child, message)));
  return times as number[];
}

async function timeGloo(peers: PeerLocation, round: number): Promise<Map<number, number[]>> {
  // prettier-ignore
  const lines = await runPeer(peers, 'gloo_allreduce.py', ['--world', options.world,
    '--mib', ...sizes.map(String), '--iterations', options.iterations, '--port', String(29_700 + round)]);
  return new Map(
    lines.map((line) => [
      Number(line['mib']),
      [1000 * Number(line['min_seconds']), 1000 * Number(line['seconds'])],
    ]),
  );
}

const peers = findPeers(options);
const sides = [
  { name: 'memory', ranks: await startRanks(true), times: timesBySize() },
  { name: 'TCP', ranks: await startRanks(false), times: timesBySize() },
];
const gloo = new Map<number, { mins: number[]; medians: number[] }>(
  sizes.map((mib) => [mib, { mins: [], medians: [] }]),
);
for (let round = 0; round < Number(options.rounds); round++) {
  for (const { ranks, times } of sides)
    for (const mib of sizes) times.get(mib)?.push(...(await timeOurs(ranks, mib)));
  if (!peers) continue;
  for (const [mib, [min = NaN, middle = NaN]] of await timeGloo(peers, round)) {
    gloo.get(mib)?.mins.push(min);
    gloo.get(mib)?.medians.push(middle);
  }
}
for (const { ranks } of sides) for (const child of ranks) child.disconnect();

function timesBySize(): Map<number, number[]> {
  return new Map(sizes.map((mib) => [mib, []]));
}

const milliseconds = (value: number): string => value.toFixed(2);
const ratio = (value: number): string => `${value.toFixed(2)}x`;
const rows = sides.flatMap(({ name, times }) =>
  sizes.map((mib) => {
    const mine = spread(times.get(mib) ?? []);
    const { mins = [], medians = [] } = gloo.get(mib) ?? {};
    const busGb = (mib * 2 ** 20 * 2 * (worldSize - 1)) / worldSize / 1e6 / mine.median;
    const both = [milliseconds(mine.min), milliseconds(mine.median), busGb.toFixed(2)];
    if (medians.length === 0) return [name, mib, ...both, '-', '-', '-', '-'];
    const peer = { min: Math.min(...mins), median: median(medians) };
    return [
      name,
      mib,
      ...both,
      milliseconds(peer.min),
      milliseconds(peer.median),
      ratio(peer.min / mine.min),
      ratio(peer.median / mine.median),
    ];
  }),
);
publishReport(
  {
    what: 'all-reduce',
    title: `All-reduce of float32 on one machine, ${worldSize} processes`,
    command: `node benchmarks/dist/all-reduce.bench.js ${process.argv.slice(2).join(' ')}`.trim(),
    machine: describeMachine(),
    // prettier-ignore
    columns: ['payloads by', 'MiB', 'min ms', 'median ms', 'bus GB/s', 'Gloo min ms', 'Gloo median ms', 'min ratio', 'median ratio'],
    rows,
    notes: [
      `${options.rounds} rounds of ${iterations} iterations, in turns with Gloo; times are of rank 0 and end with the commit: every rank has everything.`,
      'memory: frames say where payloads are, and the receiver reads them there, as between workers of one machine; TCP: payloads travel in the frames over loopback, as between machines.',
      'Gloo: gloo_allreduce.py, over loopback TCP; its median is the median of the medians of the rounds. A ratio above 1 means that ours is faster.',
    ],
  },
  { write: options.write },
);

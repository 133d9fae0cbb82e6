/** `microtune bench engine|train|scaling|allreduce`: measures this machine; a table, or JSON. */
import { cpus } from 'node:os';
import type { Summary } from '@microtune/coordinator';
import {
  isEngine,
  loadEngine,
  tryEngine,
  type EngineName,
  type LoadEngineOptions,
  type Precision,
} from '@microtune/engine';
import { MicrotuneError, engineNames } from '@microtune/shared';
import type { z } from 'zod';
import { benchAllReduce } from '../bench/allreduce-bench.js';
import { headsOf } from '../bench/bench-model.js';
import { benchEngines } from '../bench/engine-bench.js';
import {
  benchTraining,
  type TrainBenchCase,
  type TrainBenchOptions,
} from '../bench/train-bench.js';
import type { CommandInput } from '../command.js';
import { benchKinds } from '../bench/bench-kinds.js';
import { benchOptions } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';
import { nearestName } from '@microtune/shared/nearest-name';
import { unavailableText } from '../engines/unavailable-text.js';
import type { Environment } from '../environment.js';
import { describeMachine } from '../machine/describe-machine.js';
import { byteSize, grouped, shortNumber, shortVersion } from '../output/format.js';
import { renderTable } from '../output/table.js';
import { listenForStop } from '../signals.js';

type Options = z.output<typeof benchOptions>;
type Kind = (typeof benchKinds)[number];

interface Measured {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** Everything, for `--json`. */
  readonly results: readonly object[];
  readonly notes: readonly string[];
}

export async function run({ values, positional, environment }: CommandInput): Promise<number> {
  const options = parseOptions(benchOptions, values);
  const kind = kindOf(positional ?? '');
  checkWidth(options);
  const measured = await measure(kind, options, environment);
  if (measured.rows.length === 0)
    throw new MicrotuneError('usage', `there is nothing to measure: ${measured.notes.join('; ')}`);
  const machine = describeMachine();
  const { stdout } = environment;
  if (options.json) {
    const { results, notes } = measured;
    stdout.write(`${JSON.stringify({ bench: positional, machine, options, results, notes })}\n`);
    return 0;
  }
  stdout.write(`${machine.cpu}, ${machine.cores} cores, node ${machine.node}\n`);
  stdout.write(`${renderTable(measured.head, measured.rows)}\n`);
  for (const note of measured.notes) stdout.write(`note: ${note}\n`);
  return 0;
}

function checkWidth({ hiddenSize }: Options): void {
  const heads = headsOf(hiddenSize);
  if (hiddenSize % heads === 0) return;
  throw new MicrotuneError(
    'usage',
    `hidden_size ${hiddenSize} is not a multiple of its ${heads} heads: take a multiple of ${hiddenSize < 768 ? 32 : 64}`,
  );
}

function kindOf(name: string): Kind {
  const kind = benchKinds.find((each) => each === name);
  if (kind !== undefined) return kind;
  const nearest = nearestName(name, benchKinds);
  const offer =
    nearest === undefined ? `choose one of ${benchKinds.join(', ')}` : `did you mean ${nearest}?`;
  throw new MicrotuneError('usage', `unknown benchmark ${name}; ${offer}`);
}

function measure(kind: Kind, options: Options, environment: Environment): Promise<Measured> {
  switch (kind) {
    case 'engine':
      return engineTable(options, environment);
    case 'train':
      return trainTable(options, environment);
    case 'scaling':
      return scalingTable(options, environment);
    case 'allreduce':
      return allReduceTable(options);
  }
}

async function engineTable(options: Options, environment: Environment): Promise<Measured> {
  const { results, notes } = await benchEngines({
    ...options,
    engines: enginesOf(options),
    precisions: precisionsOf(options),
    rows: options.rows ?? 8,
    ...loading(options, environment),
  });
  return {
    head: ['engine', 'precision', 'threads', 'median ms', 'min ms', 'tokens/s', 'compile ms'],
    rows: results.map((result) => [
      `${result.engine} ${shortVersion(result.version)}`,
      result.precision,
      result.threads,
      shortNumber(result.medianMs),
      shortNumber(result.minMs),
      grouped(result.tokensPerSecond),
      Math.round(result.compileMs),
    ]),
    results,
    notes,
  };
}

/** One worker, the whole batch one shard: comparable with a training step of other programs. */
async function trainTable(options: Options, environment: Environment): Promise<Measured> {
  const { engines, notes } = await loadable(enginesOf(options), loading(options, environment));
  const cases = engines.flatMap(({ name, precisions }) =>
    precisionsOf(options)
      .filter((precision) => precisions.includes(precision))
      .map((precision) => ({
        engine: name,
        bf16: precision === 'bf16',
        workers: 1,
        threadsPerWorker: options.threads ?? cpus().length,
      })),
  );
  const rows = options.rows ?? 8;
  const summaries = await trainAll(cases, environment, {
    ...options,
    rows,
    microBatchTokens: rows * options.tokens,
    steps: options.repeats + warmupSteps,
  });
  const without = engines.flatMap(({ name, precisions }) =>
    precisionsOf(options)
      .filter((precision) => !precisions.includes(precision))
      .map((precision) => `engine ${name} does not run ${precision} on this machine`),
  );
  return { ...trainingFigures(summaries), notes: [...notes, ...without] };
}

/** The same work by one and by two workers of one thread; the ratio is what a second worker brings. */
async function scalingTable(options: Options, environment: Environment): Promise<Measured> {
  const [wanted, ...others] = enginesOf(options);
  const engine = wanted === undefined || others.length > 0 ? 'auto' : wanted;
  const opened = await loadEngine(engine, loading(options, environment));
  opened.dispose();
  const cases = [1, 2].map((workers) => ({
    engine: opened.name,
    bf16: options.bf16 ?? false,
    workers,
    threadsPerWorker: options.threads ?? 1,
  }));
  const rows = options.rows ?? Math.max(1, Math.round(scalingTokens / options.tokens));
  const summaries = await trainAll(cases, environment, {
    ...options,
    rows,
    microBatchTokens: 512,
    steps: options.repeats + warmupSteps,
  });
  const [one, two] = summaries.map((summary) => summary.step_ms.p50);
  const speedup = (one ?? Number.NaN) / (two ?? Number.NaN);
  return {
    ...trainingFigures(summaries),
    notes: [
      `2 workers are ${speedup.toFixed(2)} times as fast as 1, at the median of steps of ${rows} x ${options.tokens}`,
    ],
  };
}

async function allReduceTable({ repeats }: Options): Promise<Measured> {
  const results = await benchAllReduce(allReduceSizes, repeats);
  return {
    head: ['gradient', 'median ms', 'min ms', 'GB/s'],
    rows: results.map((result) => [
      byteSize(result.bytes),
      shortNumber(result.medianMs),
      shortNumber(result.minMs),
      (result.bytesPerSecond / 1e9).toFixed(2),
    ]),
    results,
    notes: ['2 processes of this machine, as its workers are; GB/s counts the gradient once'],
  };
}

const allReduceSizes = [16 * 2 ** 20, 64 * 2 ** 20];
/** Tokens of a step that scaling is judged by. */
const scalingTokens = 4096;
/** The first steps compile graphs; medians leave them out, but there must be enough others. */
const warmupSteps = 3;

async function trainAll(
  cases: readonly TrainBenchCase[],
  { cacheFolder, variables, stderr }: Environment,
  options: Omit<TrainBenchOptions, 'cacheFolder' | 'variables' | 'stop'>,
): Promise<Summary[]> {
  using stop = listenForStop((text) => void stderr.write(`${text}\n`));
  return await benchTraining(cases, { ...options, cacheFolder, variables, stop: stop.signal });
}

function trainingFigures(summaries: readonly Summary[]): Omit<Measured, 'notes'> {
  return {
    head: [
      'engine',
      'precision',
      'workers',
      'threads',
      'step ms p50',
      'p95',
      'tokens/s',
      'engine ms',
      'reduce ms',
      'optimizer ms',
      'other ms',
    ],
    rows: summaries.map((summary) => [
      summary.engine,
      summary.precision ?? '',
      summary.workers,
      summary.threads_per_worker,
      shortNumber(summary.step_ms.p50),
      shortNumber(summary.step_ms.p95),
      grouped((summary.tokens * 1000) / summary.steps / summary.step_ms.p50),
      shortNumber(summary.step_parts_ms.engine),
      shortNumber(summary.step_parts_ms.reduce),
      shortNumber(summary.step_parts_ms.optimizer),
      shortNumber(summary.step_parts_ms.other),
    ]),
    results: summaries,
  };
}

/** All but the reference, which nobody would wait for. */
function enginesOf({ engine, engines }: Options): EngineName[] {
  const wanted = engine === undefined ? engines : [engine];
  return engineNames.filter(
    (name) => wanted.includes(name) || (wanted.includes('all') && name !== 'reference'),
  );
}

interface Loading extends LoadEngineOptions {
  readonly threads: number;
}

function loading({ threads }: Options, { cacheFolder, variables }: Environment): Loading {
  return { cacheFolder, environment: variables, threads: threads ?? cpus().length };
}

function precisionsOf({ bf16 }: Options): Precision[] {
  if (bf16 === undefined) return ['f32', 'bf16'];
  return [bf16 ? 'bf16' : 'f32'];
}

interface Loadable {
  readonly name: EngineName;
  readonly precisions: readonly Precision[];
}

async function loadable(
  names: readonly EngineName[],
  options: LoadEngineOptions,
): Promise<{ engines: Loadable[]; notes: string[] }> {
  const engines: Loadable[] = [];
  const notes: string[] = [];
  for (const name of names) {
    const engine = await tryEngine(name, options);
    if (!isEngine(engine)) {
      notes.push(unavailableText(engine));
      continue;
    }
    engines.push({ name, precisions: engine.precisions });
    engine.dispose();
  }
  return { engines, notes };
}

/**
 * Answers for 10,000 short lines of SST-2 with MiniLM: real tokens a second, padding, and the share of the rate that the
 * engine's own matrix products reach in the same minutes. Then the whole command, for all lines and for one.
 *
 *   node benchmarks/dist/predict.bench.js [--lines 10000] [--rounds 1] [--engine openvino] [--threads 2] [--command] [--shared ../shared] [--write]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadEngine, type EngineName } from '@microtune/engine';
import { loadModel } from 'microtune';
import { writeClassifier } from './support/classifier.js';
import { describeMachine } from './support/machine.js';
import { productRates } from './support/product-rate.js';
import { publishReport } from './support/report.js';
import { median, spread } from './support/statistics.js';
import { timeCommand } from './support/timed-command.js';

const { values: options } = parseArgs({
  options: {
    lines: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '1' },
    engine: { type: 'string', default: 'openvino' },
    threads: { type: 'string', default: String(cpus().length) },
    /** Also time the whole command over all lines. */
    command: { type: 'boolean', default: false },
    shared: { type: 'string', default: '../shared' },
    write: { type: 'boolean', default: false },
  },
});
const shared = resolve(options.shared);
const engineName = options.engine as EngineName;
const threads = Number(options.threads);

/** Of MiniLM. */
const layers = 6;
const hiddenSize = 384;
/** Tokens of a shard (packages/inference/src/plan-answers.ts). */
const shardTokens = 1024;

/**
 * What the weights of the layers must be multiplied with: every token of a text in all layers but the last, where the
 * head reads the first token, and of the others only keys and values are needed. Attention itself is not counted.
 */
function flopsOf({ tokens, texts }: { readonly tokens: number; readonly texts: number }): number {
  const square = 2 * hiddenSize ** 2;
  return square * (12 * (layers - 1) * tokens + 2 * tokens + 10 * texts);
}

const folder = mkdtempSync(join(tmpdir(), 'microtune-predict-bench-'));
const cacheFolder = process.env['MICROTUNE_CACHE'] ?? join(homedir(), '.cache/microtune');
const run = join(folder, 'run');
const file = join(folder, 'lines.txt');

function writeLines(): void {
  const sentences = ['train', 'test', 'dev'].flatMap((split) =>
    readFileSync(join(shared, 'data/sst2', `${split}.tsv`), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t')[0]),
  );
  const lines = Array.from(
    { length: Number(options.lines) },
    (_, at) => sentences[at % sentences.length],
  );
  writeFileSync(file, `${lines.join('\n')}\n`);
}

interface Round {
  readonly productRate: number;
  readonly seconds: number;
  readonly tokens: number;
  readonly texts: number;
  readonly padding: number;
  readonly graphs: number;
}

async function productRate(repeats: number): Promise<number[]> {
  const engine = await loadEngine(engineName, { cacheFolder, environment: process.env, threads });
  const rates = await productRates(
    engine,
    { layers, hiddenSize, rows: shardTokens, threads },
    repeats,
  );
  engine.dispose();
  return rates;
}

/** Products before and after, so that a machine that slows down meanwhile does not flatter anybody. */
async function measureRound(): Promise<Round> {
  const before = await productRate(8);
  await using model = await loadModel(run, { engine: engineName, threads });
  const started = performance.now();
  for await (const answers of model.predictRows({ file })) {
    const failed = answers.find(({ error }) => error !== undefined);
    if (failed !== undefined) throw new Error(failed.error);
  }
  const seconds = (performance.now() - started) / 1000;
  const { tokens, texts, paddingTokens, graphs } = model.figures;
  const after = await productRate(8);
  return {
    productRate: median([...before, ...after]),
    ...{ seconds, tokens, texts, graphs },
    padding: paddingTokens / tokens,
  };
}

async function timePredict(input: string): Promise<{ seconds: number; peakGb: number }> {
  const result = await timeCommand({
    command: process.execPath,
    args: [
      'packages/cli/bin/microtune.js',
      'predict',
      run,
      '--file',
      input,
      '--engine',
      engineName,
    ],
  });
  return { seconds: result.wallSeconds, peakGb: result.peakBytes / 1e9 };
}

try {
  await writeClassifier(join(shared, 'models/minilm-l6'), run);
  writeLines();
  const oneLine = join(folder, 'one.txt');
  writeFileSync(oneLine, 'a gripping film\n');
  const rounds: Round[] = [];
  const whole: { seconds: number; peakGb: number }[] = [];
  const single: number[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    rounds.push(await measureRound());
    console.log(JSON.stringify(rounds.at(-1)));
    if (options.command) whole.push(await timePredict(file));
    for (let time = 0; time < 5; time++) single.push((await timePredict(oneLine)).seconds);
    console.log(JSON.stringify({ command: whole.at(-1), one: single }));
  }
  const seconds = spread(whole.map((each) => each.seconds));
  const one = spread(single);
  const inGflops = (value: number): string => (value / 1e9).toFixed(1);
  publishReport(
    {
      what: `predict-${engineName}`,
      title: `Answers for ${options.lines} lines of SST-2, MiniLM L6/H384, f32, ${threads} threads`,
      command: `node benchmarks/dist/predict.bench.js ${process.argv.slice(2).join(' ')}`,
      machine: describeMachine(),
      columns: [
        'round',
        'seconds, tokenizing and compiling included',
        'real tokens/s',
        'padding',
        'graphs compiled',
        'GFLOP/s over the real tokens',
        'GFLOP/s of the products alone',
        'ratio',
      ],
      rows: rounds.map((each, at) => {
        const rate = flopsOf(each) / each.seconds;
        return [
          at + 1,
          each.seconds.toFixed(1),
          (each.tokens / each.seconds).toFixed(0),
          `${(100 * each.padding).toFixed(1)} %`,
          each.graphs,
          inGflops(rate),
          inGflops(each.productRate),
          (rate / each.productRate).toFixed(2),
        ];
      }),
      notes: [
        `the products alone: those of the ${layers} layers over ${shardTokens} rows in one graph, median of 16 runs, half before and half after`,
        'over the real tokens: the same products, for the tokens of the texts alone; neither padding nor attention is counted',
        ...(whole.length === 0
          ? []
          : [
              `whole command: ${seconds.min.toFixed(1)} / ${seconds.median.toFixed(1)} s (min / median), peak ${Math.max(...whole.map((each) => each.peakGb)).toFixed(2)} GB (PSS)`,
            ]),
        `whole command for one line: ${one.min.toFixed(2)} / ${one.median.toFixed(2)} s (min / median of ${one.runs})`,
      ],
    },
    { write: options.write },
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Greedy decoding of a language model, a text alone and eight side by side, and the reading of a prompt, against transformers with its
 * cache: tokens a second, each side by turns.
 *
 *   node benchmarks/dist/generate.bench.js MODEL_FOLDER [--new 32] [--rounds 1] [--engine openvino] [--threads 2] [--shared ../shared] [--write]
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { EngineName } from '@microtune/engine';
import { loadModel } from 'microtune';
import { describeMachine } from './support/machine.js';
import { findPeers, runPeer } from './support/peer.js';
import { publishReport } from './support/report.js';
import { spread } from './support/statistics.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    new: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '1' },
    engine: { type: 'string', default: 'openvino' },
    threads: { type: 'string', default: String(cpus().length) },
    shared: { type: 'string', default: '../shared' },
    python: { type: 'string', default: '.peers/bin/python' },
    write: { type: 'boolean', default: false },
  },
});
const [folder = ''] = positionals;
const threads = Number(options.threads);
const newTokens = Number(options.new);
/** The peer's text: 128 tokens of SmolLM2, of which a whole number of repetitions comes near. */
const sentence =
  'The history of the bicycle begins in the early nineteenth century, when inventors in several countries ';
const batches = [1, 8];

interface Rates {
  readonly prefill: number;
  readonly decode: number;
}

type Loaded = Awaited<ReturnType<typeof open>>;
const open = () =>
  loadModel(folder, {
    ...{ task: 'causal-lm', engine: options.engine as EngineName, device: 'cpu', threads },
  } as const);

async function ours(model: Loaded, batch: number): Promise<Rates> {
  const prompts = new Array<string>(batch).fill(sentence.repeat(8).trimEnd());
  const timed = async (maxNewTokens: number) => {
    const asked = { asChat: false, temperature: 0, repetitionPenalty: 1, batchSize: batch };
    const before = performance.now();
    const answers = await model.generate(prompts, { ...asked, maxNewTokens });
    const seconds = (performance.now() - before) / 1000;
    const count = (key: 'promptTokens' | 'newTokens') =>
      answers.reduce((sum, answer) => sum + answer[key], 0);
    return { seconds, read: count('promptTokens'), said: count('newTokens') };
  };
  const first = await timed(1);
  const all = await timed(newTokens);
  return {
    prefill: first.read / first.seconds,
    decode: (all.said - first.said) / (all.seconds - first.seconds),
  };
}

const peers = findPeers(options);

async function transformers(batch: number): Promise<Rates | undefined> {
  if (peers === undefined) return undefined;
  // prettier-ignore
  const args = [folder, '--batch', String(batch), '--dtype', 'f32', '--new', String(newTokens), '--threads', options.threads];
  const [line] = await runPeer(peers, 'hf_generate.py', args);
  const [run] = line?.['runs'] as Record<string, number>[];
  return {
    prefill: run?.['prefill_tokens_per_second'] ?? NaN,
    decode: run?.['decode_tokens_per_second'] ?? NaN,
  };
}

const rows: (string | number)[][] = [];
for (const batch of batches) {
  const own: Rates[] = [];
  const theirs: Rates[] = [];
  {
    await using model = await open();
    // Compiles the graphs.
    await ours(model, batch);
    for (let round = 0; round < Number(options.rounds); round++) {
      own.push(await ours(model, batch));
      const peer = await transformers(batch);
      if (peer !== undefined) theirs.push(peer);
    }
  }
  for (const what of ['prefill', 'decode'] as const) {
    const of = (all: readonly Rates[]) => spread(all.map((rates) => rates[what]));
    const [mine, peer] = [of(own).median, theirs.length === 0 ? NaN : of(theirs).median];
    const ratio = Number.isNaN(peer) ? '-' : (mine / peer).toFixed(2);
    rows.push([batch, what, mine.toFixed(1), Number.isNaN(peer) ? '-' : peer.toFixed(1), ratio]);
    console.log(rows.at(-1)?.join('  '));
  }
}
publishReport(
  {
    what: `generate-${options.engine}`,
    title: 'Texts made token by token, against transformers',
    command: `node benchmarks/dist/generate.bench.js MODEL_FOLDER --new ${newTokens} --rounds ${options.rounds}`,
    machine: describeMachine(),
    columns: ['texts', 'what', 'tokens a second', 'transformers f32', 'ratio'],
    rows,
    notes: [
      'prefill: a prompt of some 128 tokens to its first new token; decode: the tokens after it, all texts together',
      'Microtune reads prompts one by one, transformers side by side',
    ],
  },
  { write: options.write },
);

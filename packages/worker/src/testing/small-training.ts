/**
 * The step loop of several workers in one process, over a small BERT and batches drawn from a seed: for tests that
 * compare where the state lives.
 */
import { createArena } from '@microtune/arena';
import {
  createAllReduce,
  createMemoryTransports,
  createPartialSums,
  createSlotPool,
  sumsHeld,
  type Transport,
} from '@microtune/collective';
import { createDropoutMasks } from '@microtune/data';
import type { Engine, Precision } from '@microtune/engine';
import {
  AdamW,
  allocateTrainingState,
  createModel,
  layOutParameters,
  weightsOf,
  type MethodSpec,
  type TrainingState,
} from '@microtune/models';
import { assert, placesIn, samplesIn, type Shard } from '@microtune/shared';
import { classIds, ignoreIndex, outputNames, tokenInputs, type Batch } from '@microtune/tasks';
import { createCompileShape } from '../host/compile-shape.js';
import { openReplica } from '../open-replica.js';
import type { Replica } from '../replica.js';
import { trainStep, type StepReport } from '../step.js';

const vocabulary = 60;
const config = {
  model_type: 'bert',
  vocab_size: vocabulary,
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 64,
  max_position_embeddings: 32,
  type_vocab_size: 2,
  hidden_act: 'gelu',
  hidden_dropout_prob: 0.1,
  attention_probs_dropout_prob: 0.1,
  layer_norm_eps: 1e-12,
  initializer_range: 0.1,
  pad_token_id: 0,
};
// Gradients of key biases are zero but for rounding; a small epsilon would make weights of the noise.
const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-6, weightDecay: 0.01 };

/** Five shards of two shapes: a tree with a gap, and ranges that begin in the middle of a node; one shape packs its rows. */
const shapes = [
  { rows: 2, tokens: 16, samplesPerRow: 1 },
  { rows: 4, tokens: 16, samplesPerRow: 2 },
];
const shardCount = 5;
const ranges: Readonly<Record<number, readonly (readonly [number, number])[]>> = {
  1: [[0, 5]],
  2: [[0, 3], [3, 5]],
  3: [[0, 1], [1, 3], [3, 5]],
  4: [[0, 2], [2, 2], [2, 3], [3, 5]],
}; // prettier-ignore

export interface SmallWorker {
  readonly replica: Replica;
  /** Trains steps [from, to], 1-based. */
  train(from: number, to: number): Promise<StepReport[]>;
  logits(): Promise<Float32Array>;
}

export interface SmallWorld extends Disposable {
  readonly workers: readonly SmallWorker[];
  /** All workers at once. @returns the reports of the first */
  train(from: number, to: number): Promise<StepReport[]>;
  /** The state of a worker, copied: the next step does not change it. */
  snapshot(rank?: number): Promise<{ parameters: Float32Array; m: Float32Array; v: Float32Array }>;
}

/** @param engine shared by all workers; stays open */
export async function openSmallWorld(
  engine: Engine,
  {
    workers: count,
    precision = 'f32',
    method,
  }: { workers: number; precision?: Precision; method?: MethodSpec },
): Promise<SmallWorld> {
  const transports = createMemoryTransports(count);
  const workers = await Promise.all(
    transports.map((transport) => openWorker(engine, { transport, precision, method })),
  );
  return {
    workers,
    train: async (from, to) => {
      const all = await Promise.all(workers.map((worker) => worker.train(from, to)));
      return all[0] ?? [];
    },
    snapshot: async (rank = 0) => {
      const state = await workers[rank]!.replica.snapshot();
      return { parameters: flat(state, 'parameters'), m: flat(state, 'm'), v: flat(state, 'v') };
    },
    [Symbol.dispose]: () => {
      for (const { replica } of workers) replica.dispose();
    },
  };
}

async function openWorker(
  engine: Engine,
  {
    transport,
    precision,
    method,
  }: { transport: Transport; precision: Precision; method: MethodSpec | undefined },
): Promise<SmallWorker> {
  const { program, load } = createModel(config, {
    seed: 5,
    ...(method === undefined ? {} : { method }),
  });
  const layout = layOutParameters(program.parameters);
  const arena = await createArena(2 ** 20);
  const state = allocateTrainingState(arena, layout, program.parameters);
  await load((parameter) => weightsOf(state, parameter));
  const pool = createSlotPool(arena, layout.denseCount);
  const widths = layout.tables.map(({ shape }) => shape[1] ?? 0);
  const compile = { threads: 1, precision };
  const replica = await openReplica({
    engine,
    program,
    compile,
    compileShape: createCompileShape({ program, engine, options: compile, store: undefined }),
    bindings: {
      parameters: state.parameters,
      frozen: state.frozen,
      masks: createDropoutMasks({ seed: 9 }),
    },
    state,
    optimizer: new AdamW(arena, state, settings),
    settings,
    maxGradNorm: 0.5,
    partialSums: createPartialSums({ arena, pool, widths }),
    allReduce: createAllReduce({
      arena,
      pool,
      transport,
      widths,
      count: layout.denseCount,
      runId: 'test',
      epoch: 0,
      chunkBytes: 4096,
    }),
    worldSize: transport.worldSize,
    pool,
    sumsHeld: Math.max(...ranges[transport.worldSize]!.map(([from, to]) => sumsHeld({ from, to }))),
  });
  const clock = { now: () => 0, timestamp: () => '' };
  const progress = { enter: () => undefined, close: () => undefined };
  const trainer = {
    rank: transport.rank,
    clock,
    progress,
    batch: batchOf,
    replica,
    held: { step: 0 },
    giveUp: new AbortController().signal,
  };
  return {
    replica,
    train: async (from, to) => {
      const reports: StepReport[] = [];
      for (let step = from; step <= to; step++)
        reports.push(await trainStep(trainer, planOf(step, transport.worldSize)));
      return reports;
    },
    logits: async () => {
      const graph = await replica.graphs.get('evaluation', shapes[0]!);
      const outputs = await graph.evaluate(batchOf({ shape: shapes[0]!, rows: [[1], [2]] }));
      return Float32Array.from(outputs[outputNames.logits] ?? []);
    },
  };
}

function planOf(step: number, worldSize: number): Parameters<typeof trainStep>[1] {
  const shards = Array.from({ length: shardCount }, (_, i): Shard => {
    const shape = shapes[(step + i) % 3 === 0 ? 1 : 0]!;
    const rows = Array.from({ length: shape.rows }, (_, row) =>
      Array.from({ length: shape.samplesPerRow }, (__, at) => step * 100 + i * 10 + 2 * row + at),
    );
    // The last shard has an empty row.
    return { shape, rows: i === shardCount - 1 ? rows.slice(1) : rows };
  });
  const own = ranges[worldSize];
  assert(own, `ranges for ${worldSize} workers`);
  const envelope = { protocol: 1, runId: 'test', epoch: 0 } as const;
  return {
    ...envelope,
    type: 'plan',
    step,
    shards,
    ranges: own.map(([from, to]) => ({ from, to })),
    learningRate: 1e-3,
  };
}

/** A sample is its number: its tokens and its label are drawn from it. */
function batchOf(shard: Shard): Batch {
  const { shape, rows } = shard;
  const { tokens, samplesPerRow } = shape;
  const [cells, places] = [shape.rows * tokens, shape.rows * samplesPerRow];
  const inputIds = new Int32Array(cells);
  const positionIds = new Int32Array(cells);
  const sampleOfToken = new Float32Array(cells);
  const firstTokens = new Int32Array(places);
  const labels = new Int32Array(places).fill(ignoreIndex);
  const room = tokens / samplesPerRow;
  for (const { sample, place } of placesIn(shard)) {
    let state = sample * 7919 + 17;
    const draw = (bound: number): number => {
      state = (state * 48271) % 2147483647;
      return state % bound;
    };
    const length = 3 + draw(room - 3);
    labels[place] = draw(2);
    firstTokens[place] = (place * room) % tokens;
    for (let position = 0; position < length; position++) {
      const at = place * room + position;
      inputIds[at] = draw(vocabulary);
      positionIds[at] = position;
      sampleOfToken[at] = 1 + (place % samplesPerRow);
    }
  }
  const inputs = {
    [tokenInputs.inputIds.name]: inputIds,
    [tokenInputs.positionIds.name]: positionIds,
    [tokenInputs.sampleOfToken.name]: sampleOfToken,
    [tokenInputs.tokenTypeIds.name]: new Int32Array(cells),
    [tokenInputs.firstTokens.name]: firstTokens,
    [classIds.name]: labels,
  };
  return { shape, rows, inputs, weight: samplesIn(shard).length };
}

function flat(state: TrainingState, block: 'parameters' | 'm' | 'v'): Float32Array {
  const views = [state[block].dense, ...state[block].tables].map(({ view }) => view);
  return Float32Array.from(views.flatMap((view) => [...view]));
}

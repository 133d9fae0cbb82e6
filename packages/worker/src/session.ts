/**
 * Everything a worker holds during a run, loaded after `welcome`: data, model, arena, engine, connections to the peers.
 * What can load at the same time does: users wait for the first step.
 */
import { alignedFloats, createArena, type Arena } from '@microtune/arena';
import {
  allReduceFloats,
  createAllReduce,
  createPartialSums,
  createSlotPool,
  type AllReduce,
  type PartialSums,
  type SlotPool,
  type Transport,
} from '@microtune/collective';
import { countSteps, createDropoutMasks, planEvaluation, planTraining } from '@microtune/data';
import type { CompileOptions, Engine, Precision } from '@microtune/engine';
import {
  AdamW,
  SavedWeights,
  allocateTrainingState,
  blockCount,
  layOutParameters,
  loadCheckpoint,
  loadModel,
  methodOf,
  requireFit,
  optimizerCount,
  weightsOf,
  type AdamWSettings,
  type GraphStore,
  type LoadedModel,
  type ParameterLayout,
  type TrainingState,
} from '@microtune/models';
import {
  MicrotuneError,
  type Clock,
  type CoordinatorMessage,
  type ResolvedConfig,
} from '@microtune/shared';
import { openTask, type Collate, type OpenedTask } from '@microtune/tasks';
import type { Progress } from './progress.js';
import { compileAhead, createCompileShape, type CompileShape } from './host/compile-shape.js';
import { openReplica } from './open-replica.js';
import type { ShardGraphs } from './shard-graphs.js';
import type { Trainer } from './step.js';

export type Welcome = Extract<CoordinatorMessage, { type: 'welcome' }>;

export interface SessionOptions {
  readonly welcome: Welcome;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly transport: Transport;
  readonly cacheFolder: string | undefined;
  readonly graphStore: GraphStore | undefined;
  /** Aborted when the run ends early. */
  readonly giveUp: AbortSignal;
  openEngine(config: ResolvedConfig): Promise<Engine>;
}

export interface Session {
  readonly config: ResolvedConfig;
  readonly model: LoadedModel;
  readonly trainer: Trainer;
  /** What this worker has saved, so that the same weights are stored once. */
  readonly savedWeights: SavedWeights;
  readonly task: OpenedTask;
  readonly evaluationBatch: Collate | undefined;
  readonly engine: Engine;
  readonly precision: Precision;
  readonly notes: readonly string[];
  /** After it nothing is trained any more. */
  readonly lastStep: number;
  /** What the first step would do first: to be called when there is nothing else to do but to wait for graphs. */
  warmUp(): void;
  close(): Promise<void>;
}

/** How long to wait for the connections to all peers: who keeps the others waiting, the coordinator sees before. */
const connectTimeoutMs = 900_000;

/** @throws MicrotuneError `usage` or `data` for a model, data, engine or checkpoint that cannot be used, `transient` for a peer not reached */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { welcome, transport, cacheFolder, progress } = options;
  const { config } = welcome;
  progress.enter('loading', 0);
  const opening = openModel(welcome);
  const openingEngine = options.openEngine(config);
  const [task, { arena, state, optimizer }, { engine, ...compiling }] = await Promise.all([
    openTask(config, {
      tokenizerFolder: config.modelNameOrPath,
      cacheFolder,
      task: welcome.task,
    }),
    Promise.all([opening, openingEngine]).then(([model, engine]) =>
      loadState(model, welcome, keptInBfloat16(model, engine)),
    ),
    Promise.all([opening, openingEngine]).then(([model, engine]) =>
      startCompiling(model, engine, options),
    ),
    transport.connect(welcome.peers, connectTimeoutMs),
  ]);
  const model = await opening;
  for (const split of [task.train, task.validation]) {
    if (split !== undefined) requireFit(model, split.tokens);
  }
  const inputs = [...model.program.inputs, ...model.program.labelInputs];
  const masks = createDropoutMasks({ seed: config.seed });
  const { allReduce, ...collective } = openCollective(options, arena, state.layout);
  const replica = await openReplica({
    engine,
    program: model.program,
    ...compiling,
    bindings: {
      parameters: state.parameters,
      frozen: state.frozen,
      masks,
    },
    state,
    optimizer,
    settings: adamWSettings(config),
    maxGradNorm: config.maxGradNorm,
    allReduce,
    ...collective,
    worldSize: transport.worldSize,
    sumsHeld: welcome.sumsHeld,
  });
  if (engine.compileFirst !== undefined)
    await compileFirst(replica.graphs, { which: engine.compileFirst, task, config, cacheFolder });
  return {
    config,
    model,
    savedWeights: new SavedWeights(),
    engine,
    precision: compiling.compile.precision,
    // A checkpoint brings all weights: nothing was created. What is to be said of the data, the coordinator says.
    notes: welcome.checkpoint === undefined ? model.notes : [],
    lastStep: countSteps(task.train, config),
    task,
    evaluationBatch: task.validation?.collator(inputs),
    trainer: {
      rank: welcome.rank,
      clock: options.clock,
      progress,
      batch: task.train.collator(inputs),
      replica,
      held: { step: welcome.step },
      giveUp: options.giveUp,
    },
    warmUp: () => {
      for (const rate of compiling.dropoutRates) masks.prepare(rate);
    },
    close: async () => {
      replica.dispose();
      engine.dispose();
      await allReduce.close();
    },
  };
}

/** Where the graphs need nothing but shapes, those of the first step are compiled while the weights are read. */
function startCompiling(
  model: LoadedModel,
  engine: Engine,
  { welcome: { config, firstShapes }, graphStore: store }: SessionOptions,
): {
  engine: Engine;
  compile: CompileOptions;
  compileShape: CompileShape;
  /** Of the graphs known so far. */
  dropoutRates: ReadonlySet<number>;
} {
  const compile: CompileOptions = {
    threads: config.threadsPerWorker,
    precision: precisionOf(config, engine),
    bfloat16Inputs: keptInBfloat16(model, engine),
  };
  const dropoutRates = new Set<number>();
  const compileShape = createCompileShape({
    ...{ program: model.program, engine, store, options: compile },
    onDropout: (sites) => {
      for (const { rate } of sites) dropoutRates.add(rate);
    },
  });
  const common = { engine, compile, dropoutRates };
  if (engine.init !== undefined) return { ...common, compileShape };
  return { ...common, compileShape: compileAhead(compileShape, firstShapes) };
}

/** The graphs of the shapes that the run can have. @throws MicrotuneError `usage` when they do not fit the device */
async function compileFirst(
  graphs: ShardGraphs,
  {
    which,
    task: { train, validation },
    config,
    cacheFolder,
  }: {
    which: 'all' | 'largest';
    task: OpenedTask;
    config: ResolvedConfig;
    cacheFolder: string | undefined;
  },
): Promise<void> {
  const { shapes } = planTraining(train, config, cacheFolder);
  if (which === 'largest') {
    const [largest] = shapes.toSorted((a, b) => b.rows * b.tokens - a.rows * a.tokens);
    if (largest !== undefined) await graphs.get('training', largest);
    return;
  }
  const evaluated = validation === undefined ? [] : planEvaluation(validation, config, cacheFolder);
  await Promise.all([
    ...shapes.map((shape) => graphs.get('training', shape)),
    ...evaluated.map(({ shape }) => graphs.get('evaluation', shape)),
  ]);
}

function precisionOf({ bf16, engine: name }: ResolvedConfig, engine: Engine): Precision {
  if (!bf16) return 'f32';
  if (engine.precisions.includes('bf16')) return 'bf16';
  throw new MicrotuneError(
    'usage',
    `bf16: the engine ${name} has no bfloat16 products on this CPU (${engine.device}); leave bf16 out`,
  );
}

interface LoadedState {
  readonly arena: Arena;
  readonly state: TrainingState;
  readonly optimizer: AdamW;
}

function openModel({ config, task }: Welcome): Promise<LoadedModel> {
  const { hiddenDropoutProb, attentionProbsDropoutProb, classifierDropout } = config;
  return loadModel(config.modelNameOrPath, {
    task,
    overrides: { hiddenDropoutProb, attentionProbsDropoutProb, classifierDropout },
    seed: config.seed,
    fromScratch: config.fromScratch,
    labelSmoothing: config.labelSmoothingFactor,
    method: methodOf(config),
    adapter: config.adapterNameOrPath,
  });
}

/**
 * What is not trained, is bfloat16 in the folder, and goes to the engine whole: it stays bfloat16. Tables whose rows the host
 * gathers are float32.
 */
function keptInBfloat16(
  { program, bfloat16 }: Pick<LoadedModel, 'program' | 'bfloat16'>,
  { takesBfloat16 = false }: Engine,
): string[] {
  if (!takesBfloat16 || bfloat16 === undefined) return [];
  return program.parameters
    .filter(
      ({ name, trainable, gradient }) => !trainable && gradient === 'dense' && bfloat16.has(name),
    )
    .map(({ name }) => name);
}

async function loadState(
  model: LoadedModel,
  { config, checkpoint, sumsHeld }: Welcome,
  inBfloat16: readonly string[],
): Promise<LoadedState> {
  const layout = layOutParameters(model.program.parameters);
  const arena = await createArena(expectedFloats(layout, sumsHeld, config.workers));
  const { parameters } = model.program;
  const state = allocateTrainingState(arena, layout, parameters, new Set(inBfloat16));
  const optimizer = new AdamW(arena, state, adamWSettings(config));
  // A checkpoint brings all that is trained; what is not, comes from the model either way.
  if (checkpoint === undefined || state.frozen.parameters.length > 0)
    await model.load((parameter) => weightsOf(state, parameter));
  if (checkpoint !== undefined) {
    await loadCheckpoint(checkpoint, { model, state });
    optimizer.resume();
  }
  return { arena, state, optimizer };
}

function adamWSettings(config: ResolvedConfig): AdamWSettings {
  return {
    beta1: config.adamBeta1,
    beta2: config.adamBeta2,
    epsilon: config.adamEpsilon,
    weightDecay: config.weightDecay,
  };
}

/**
 * What the arena will hold: parameters, two moments, the optimizer's staging, gradient slots and the all-reduce's staging.
 * Slots are made when a step first needs them, and untouched pages cost nothing.
 */
function expectedFloats(layout: ParameterLayout, sumsHeld: number, workers: number): number {
  const state = 3 * blockCount(layout) + alignedFloats(optimizerCount(layout));
  return state + sumsHeld * alignedFloats(layout.denseCount) + allReduceFloats(workers);
}

function openCollective(
  { welcome, transport }: SessionOptions,
  arena: Arena,
  layout: ParameterLayout,
): { allReduce: AllReduce; partialSums: PartialSums; pool: SlotPool } {
  const pool = createSlotPool(arena, layout.denseCount);
  const widths = layout.tables.map(({ shape }) => shape[1] ?? 0);
  return {
    allReduce: createAllReduce({
      arena,
      pool,
      transport,
      widths,
      count: layout.denseCount,
      runId: welcome.runId,
      epoch: welcome.epoch,
    }),
    partialSums: createPartialSums({ arena, pool, widths }),
    pool,
  };
}

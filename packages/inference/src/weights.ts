/**
 * Where a model's weights are while it answers: in host memory, fed to every run, or put on the engine's device once.
 * Tables whose rows are gathered on the host stay there either way.
 */
import type {
  CompileOptions,
  Engine,
  HostBuffer,
  HostRows,
  ResidentEngine,
  TensorSpec,
} from '@microtune/engine';
import {
  compileGeneration,
  compileGraph,
  traceGraph,
  type CompiledGraph,
  type GenerationShape,
  type GraphKind,
  type GraphStore,
  type LoadedModel,
  type ModelProgram,
  type TracedGraph,
} from '@microtune/models';
import { assert, type ShardShape } from '@microtune/shared';

export type Weights = ReadonlyMap<string, Float32Array>;

type Buffers = Readonly<Record<string, HostBuffer>>;

/** A compiled graph that wants everything but the weights. */
export interface ForwardGraph {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Rows that the caller gathers out of tables on the host. */
  readonly hostRows: readonly HostRows[];
  run(inputs: Buffers, outputs: Buffers): Promise<void>;
  dispose(): void;
}

export interface PlacedWeights {
  compile(kind: GraphKind, shape: ShardShape): Promise<ForwardGraph>;
  /** Of a language model. */
  compileGeneration(shape: GenerationShape): Promise<ForwardGraph>;
  dispose(): void;
}

/** Reads all weights. @throws MicrotuneError `data` naming file and tensor */
export async function readWeights(model: LoadedModel): Promise<Weights> {
  const weights = new Map<string, Float32Array>();
  await model.load((parameter) => {
    const values = new Float32Array(countOf(parameter));
    weights.set(parameter.name, values);
    return values;
  });
  return weights;
}

export interface PlaceOptions {
  readonly engine: Engine;
  readonly program: ModelProgram;
  readonly weights: Weights;
  readonly compile: CompileOptions;
  /** Of traced graphs; undefined keeps none. */
  readonly graphStore: GraphStore | undefined;
}

/** @throws MicrotuneError `transient` when the device has no room for the weights */
export async function placeWeights(options: PlaceOptions): Promise<PlacedWeights> {
  const { engine } = options;
  return engine.init === undefined
    ? onHost(options)
    : onDevice({ ...options, engine: { init: engine.init } });
}

function onHost({
  program,
  engine,
  weights,
  compile: options,
  graphStore: store,
}: PlaceOptions): PlacedWeights {
  const request = { program, engine, options, store };
  const fedGraph = ({ traced, executable }: CompiledGraph): ForwardGraph => {
    const { inputs, outputs } = executable;
    const own = inputs.flatMap(({ name }) => {
      const values = weights.get(name);
      return values === undefined ? [] : [[name, values] as const];
    });
    const fed = Object.fromEntries(own);
    return {
      inputs: inputs.filter(({ name }) => fed[name] === undefined),
      outputs,
      hostRows: traced.hostRows,
      run: (batch, results) => executable.run({ ...fed, ...batch }, results),
      dispose: () => executable.dispose(),
    };
  };
  return {
    compile: async (kind, shape) => fedGraph(await compileGraph(request, kind, shape)),
    compileGeneration: async (shape) => fedGraph(await compileGeneration(request, shape)),
    dispose: () => undefined,
  };
}

async function onDevice({
  engine,
  program: model,
  weights,
  compile,
}: Omit<PlaceOptions, 'engine'> & { readonly engine: ResidentEngine }): Promise<PlacedWeights> {
  const dense = model.parameters.filter(({ gradient }) => gradient === 'dense');
  const state = await engine.init(
    dense.map(({ name, shape }) => {
      const data = weights.get(name);
      assert(data, `weight ${name} was read`);
      return { name, shape, dtype: 'float32', data };
    }),
  );
  const compiled = async ({ graph }: TracedGraph): Promise<ForwardGraph> => {
    const program = await state.compileGradient(graph, { ...compile, gradient: undefined });
    return {
      inputs: program.batch,
      outputs: graph.outputs,
      hostRows: graph.hostRows,
      run: async (batch, results) => void (await program.run(batch, results)),
      dispose: () => program.dispose(),
    };
  };
  return {
    compile: async (kind, shape) => compiled(await traceGraph(model, kind, shape)),
    compileGeneration: async (shape) => compiled(await model.traceGeneration(shape)),
    dispose: () => state.dispose(),
  };
}

function countOf({ shape }: { readonly shape: readonly number[] }): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

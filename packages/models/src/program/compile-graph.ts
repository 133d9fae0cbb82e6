/** A program's graph for one shard shape, compiled: taken from the store of an engine that compiles bytes, else traced. */
import type { CompileOptions, Engine, Executable } from '@microtune/engine';
import { shapeKey, type ShardShape } from '@microtune/shared';
import { generationKey, type GenerationShape } from './generation-shape.js';
import type { GraphStore, KeptGraph } from './kept-graphs.js';
import type { DropoutSite, ModelProgram, TracedGraph } from './program.js';

export type GraphKind = 'training' | 'evaluation' | 'forward';

export interface GraphRequest {
  readonly program: ModelProgram;
  readonly engine: Pick<Engine, 'compile' | 'byBytes' | 'name' | 'version' | 'device'>;
  readonly options: CompileOptions;
  /** Undefined keeps nothing. */
  readonly store: GraphStore | undefined;
  /** Called before a graph is compiled with where dropout acts in it. */
  readonly onDropout?: (sites: readonly DropoutSite[]) => void;
}

export interface CompiledGraph {
  readonly traced: Pick<KeptGraph, 'hostRows' | 'dropoutSites'>;
  /** The caller's to dispose of. */
  readonly executable: Executable;
}

/** @throws MicrotuneError as `Engine.compile` */
export function compileGraph(
  request: GraphRequest,
  kind: GraphKind,
  shape: ShardShape,
): Promise<CompiledGraph> {
  return compileTraced(request, {
    key: [kind, shapeKey(shape)],
    trace: () => traceGraph(request.program, kind, shape),
  });
}

/** The graph that generates. @throws MicrotuneError as `Engine.compile` */
export function compileGeneration(
  request: GraphRequest,
  shape: GenerationShape,
): Promise<CompiledGraph> {
  return compileTraced(request, {
    key: ['generation', generationKey(shape)],
    trace: () => request.program.traceGeneration(shape),
  });
}

async function compileTraced(
  { program, engine, options, store, onDropout }: GraphRequest,
  { key, trace }: { readonly key: readonly string[]; trace(): Promise<TracedGraph> },
): Promise<CompiledGraph> {
  const { byBytes, name, version, device } = engine;
  if (byBytes === undefined || store === undefined) {
    const { graph, dropoutSites } = await trace();
    const { hostRows } = graph;
    onDropout?.(dropoutSites);
    return {
      traced: { hostRows, dropoutSites },
      executable: await engine.compile(graph, options),
    };
  }
  const identity = [program.identity, ...key, name, version, device];
  const { precision, bfloat16Inputs = [] } = options;
  const stored = bfloat16Inputs.length === 0 ? [] : ['bfloat16', ...bfloat16Inputs];
  const kept = await store.use([...identity, precision, ...stored], async () => {
    const { graph, dropoutSites } = await trace();
    const lowered = await byBytes.lower(graph, options);
    return { ...lowered, hostRows: graph.hostRows, dropoutSites };
  });
  onDropout?.(kept.dropoutSites);
  return { traced: kept, executable: await byBytes.compile(kept, options) };
}

/** Without anything kept. */
export function traceGraph(
  program: ModelProgram,
  kind: GraphKind,
  shape: ShardShape,
): Promise<TracedGraph> {
  switch (kind) {
    case 'training':
      return program.traceTraining(shape);
    case 'evaluation':
      return program.traceEvaluation(shape);
    case 'forward':
      return program.traceForward(shape);
  }
}

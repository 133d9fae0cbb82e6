/**
 * Compiled graphs by shard shape, made when first needed, and ahead of need for shapes that are planned: where the
 * engine compiles off the JavaScript thread, the next shape is ready when its step begins.
 */
import type { CompileOptions, Engine } from '@microtune/engine';
import type { ModelProgram } from '@microtune/models';
import type { ShardShape } from '@microtune/shared';
import { bindShardGraph, type Bindings, type ShardGraph } from './shard-graph.js';

export type GraphKind = 'training' | 'evaluation';

export interface ShardGraphs {
  get(kind: GraphKind, shape: ShardShape): Promise<ShardGraph>;
  /** Starts compiling shapes that are not compiled yet. */
  prepare(kind: GraphKind, shapes: readonly ShardShape[]): void;
  /** Frees the graphs of a kind; asked for again, they are compiled again. */
  release(kind: GraphKind): void;
  dispose(): void;
}

export interface ShardGraphOptions {
  readonly program: ModelProgram;
  readonly engine: Engine;
  readonly compile: CompileOptions;
  readonly bindings: Bindings;
}

export function createShardGraphs({
  program,
  engine,
  compile,
  bindings,
}: ShardGraphOptions): ShardGraphs {
  const graphs = new Map<string, Promise<ShardGraph>>();
  // One compilation at a time: they take all threads anyway, and the first one asked for is needed first.
  let last: Promise<unknown> = Promise.resolve();

  const make = async (kind: GraphKind, shape: ShardShape): Promise<ShardGraph> => {
    const traced =
      kind === 'training' ? program.traceTraining(shape) : program.traceEvaluation(shape);
    const executable = await engine.compile(traced.graph, compile);
    return bindShardGraph({ traced, executable, shape, bindings });
  };
  const get = (kind: GraphKind, shape: ShardShape): Promise<ShardGraph> => {
    const key = `${kind} ${shape.rows}x${shape.tokens}`;
    const known = graphs.get(key);
    if (known !== undefined) return known;
    const graph = last.then(() => make(kind, shape));
    // Whoever awaits the graph sees its error; the queue goes on without it.
    last = graph.catch(() => undefined);
    graphs.set(key, graph);
    return graph;
  };
  const release = (kind: GraphKind): void => {
    for (const [key, graph] of graphs) {
      if (!key.startsWith(kind)) continue;
      graphs.delete(key);
      graph.then((made) => made.dispose()).catch(() => undefined);
    }
  };
  return {
    get,
    prepare: (kind, shapes) => {
      for (const shape of shapes) get(kind, shape).catch(() => undefined);
    },
    release,
    dispose: () => {
      release('training');
      release('evaluation');
    },
  };
}

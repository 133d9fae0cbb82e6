/**
 * Compiled graphs by shard shape, made when first needed, and ahead of need for shapes that are planned: where the
 * engine compiles off the JavaScript thread, the next shape is ready when its step begins.
 */
import { shapeKey, type ShardShape } from '@microtune/shared';
import type { ShardGraph } from './replica.js';

export type GraphKind = 'training' | 'evaluation';

export interface ShardGraphs {
  get(kind: GraphKind, shape: ShardShape): Promise<ShardGraph>;
  /** Starts compiling shapes that are not compiled yet. */
  prepare(kind: GraphKind, shapes: readonly ShardShape[]): void;
  /** Frees the graphs of a kind; asked for again, they are compiled again. */
  release(kind: GraphKind): void;
  dispose(): void;
}

/** @param make traces and compiles one graph */
export function createShardGraphs(
  make: (kind: GraphKind, shape: ShardShape) => Promise<ShardGraph>,
): ShardGraphs {
  const graphs = new Map<string, Promise<ShardGraph>>();
  // One compilation at a time: they take all threads anyway, and the first one asked for is needed first.
  let last: Promise<unknown> = Promise.resolve();

  const get = (kind: GraphKind, shape: ShardShape): Promise<ShardGraph> => {
    const key = `${kind} ${shapeKey(shape)}`;
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

/** A graph compiled without the buffers it will read and write: needs the model's shapes, not its weights. */
import { compileGraph, type CompiledGraph, type GraphRequest } from '@microtune/models';
import { shapeKey, type ShardShape } from '@microtune/shared';
import type { GraphKind } from '../shard-graphs.js';

export type CompileShape = (kind: GraphKind, shape: ShardShape) => Promise<CompiledGraph>;

export function createCompileShape(request: GraphRequest): CompileShape {
  return (kind, shape) => compileGraph(request, kind, shape);
}

/** Starts on training graphs of these shapes, one after the other; each is handed to the first who asks for it. */
export function compileAhead(compile: CompileShape, shapes: readonly ShardShape[]): CompileShape {
  const begun = new Map<string, Promise<CompiledGraph>>();
  let last: Promise<unknown> = Promise.resolve();
  for (const shape of shapes) {
    const compiled = last.then(() => compile('training', shape));
    // Who asks for the graph sees its error.
    last = compiled.catch(() => undefined);
    begun.set(shapeKey(shape), compiled);
  }
  return (kind, shape) => {
    const key = shapeKey(shape);
    const known = kind === 'training' ? begun.get(key) : undefined;
    begun.delete(key);
    return known ?? compile(kind, shape);
  };
}

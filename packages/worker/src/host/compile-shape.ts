/** A graph traced and compiled, without the buffers it will read and write: needs the model's shapes, not its weights. */
import type { CompileOptions, Engine, Executable } from '@microtune/engine';
import type { ModelProgram, TracedGraph } from '@microtune/models';
import { shapeKey, type ShardShape } from '@microtune/shared';
import type { GraphKind } from '../shard-graphs.js';

export interface CompiledShape {
  readonly traced: TracedGraph;
  /** The caller's to dispose of. */
  readonly executable: Executable;
}

export type CompileShape = (kind: GraphKind, shape: ShardShape) => Promise<CompiledShape>;

export function createCompileShape(
  program: ModelProgram,
  engine: Pick<Engine, 'compile'>,
  options: CompileOptions,
): CompileShape {
  return async (kind, shape) => {
    const traced = await (kind === 'training'
      ? program.traceTraining(shape)
      : program.traceEvaluation(shape));
    return { traced, executable: await engine.compile(traced.graph, options) };
  };
}

/** Starts on training graphs of these shapes, one after the other; each is handed to the first who asks for it. */
export function compileAhead(compile: CompileShape, shapes: readonly ShardShape[]): CompileShape {
  const begun = new Map<string, Promise<CompiledShape>>();
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

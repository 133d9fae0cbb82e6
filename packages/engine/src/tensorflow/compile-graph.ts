/** A graph becomes an executable: passes, the SavedModel's bytes, a session over them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MicrotuneError, messageOf } from '@microtune/shared';
import type { Graph } from '../graph/graph.js';
import type { TensorSpec } from '../graph-types.js';
import { optimize, orderedPasses } from '../optimize.js';
import type { TensorflowBinding } from './binding.js';
import { TensorflowExecutable } from './executable.js';
import { toSavedModel } from './to-saved-model.js';
import type { ToSavedModelOptions } from './to-saved-model.js';

/**
 * @param options `addsInAnyOrder`: the device adds atomically, as GPUs do: sums of segments get a form that bears it
 * @throws MicrotuneError `internal` when TensorFlow refuses the graph
 */
export function compileGraph(
  binding: TensorflowBinding,
  graph: Graph,
  options: ToSavedModelOptions & { readonly addsInAnyOrder?: boolean },
): TensorflowExecutable {
  const passes = options.addsInAnyOrder === true ? orderedPasses : undefined;
  const session = loadSession(binding, toSavedModel(optimize(graph, passes), options));
  const [inputs, outputs] = [specs(graph.inputs), specs(graph.outputs)];
  const { floatsAsInt32 } = options;
  return new TensorflowExecutable({ binding, session, inputs, outputs, floatsAsInt32 });
}

/**
 * A session over the bytes of a SavedModel. The addon loads from a folder alone, and needs it no longer afterwards.
 * @throws MicrotuneError `internal` when TensorFlow refuses the graph
 */
export function loadSession(binding: TensorflowBinding, model: Uint8Array): number {
  const folder = mkdtempSync(join(tmpdir(), 'microtune-graph-'));
  try {
    writeFileSync(join(folder, 'saved_model.pb'), model);
    return binding.loadSavedModel(folder, 'serve');
  } catch (cause) {
    throw new MicrotuneError('internal', `TensorFlow refused the graph: ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Without the values, which would keep the whole graph in memory. */
function specs(border: readonly TensorSpec[]): TensorSpec[] {
  return border.map(({ name, shape, dtype }) => ({ name, shape, dtype }));
}

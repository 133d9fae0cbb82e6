/** Runs a graph once in an engine, and compares what comes out. */
import { createHash } from 'node:crypto';
import type { Engine } from '../engine.js';
import type { Graph } from '../graph/graph.js';
import { hostBuffer } from '../graph/shape.js';
import type { HostBuffer } from '../graph-types.js';

export type Buffers = Record<string, HostBuffer>;

export async function runGraph(
  engine: Engine,
  graph: Graph,
  inputs: Buffers,
  threads = 1,
): Promise<Buffers> {
  const executable = await engine.compile(graph, { threads, precision: 'f32' });
  try {
    const outputs = Object.fromEntries(
      graph.outputs.map(({ name, shape, dtype }) => [name, hostBuffer(shape, dtype)]),
    );
    await executable.run(inputs, outputs);
    return outputs;
  } finally {
    executable.dispose();
  }
}

/**
 * Says where two results differ, or undefined: |actual - expected| <= tolerance * max(1, largest |expected| of the
 * output) for every value. NaN equals NaN.
 */
export function firstDifference(
  actual: Buffers,
  expected: Buffers,
  tolerance: number,
): string | undefined {
  for (const [name, values] of Object.entries(expected)) {
    const given = actual[name];
    if (given?.constructor !== values.constructor || given.length !== values.length) {
      return `${name}: got ${given?.constructor.name} of ${given?.length}, expected ${values.length} values`;
    }
    const largest = Math.max(1, ...Array.from(values).filter(Number.isFinite).map(Math.abs));
    const at = values.findIndex(
      (value: number, i: number) =>
        !Object.is(given[i], value) &&
        given[i] !== value &&
        !(Math.abs(given[i]! - value) <= tolerance * largest),
    );
    if (at >= 0)
      return `${name}[${at}]: got ${given[at]}, expected ${values[at]} (largest ${largest})`;
  }
  return undefined;
}

export function hashBuffers(buffers: Buffers): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(buffers).sort()) {
    const { buffer, byteOffset, byteLength } = buffers[name]!;
    hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}

/** Runs a traced graph once on host weights, as the worker does: tables by rows, everything else whole. */
import type { Engine } from '@microtune/engine';
import { graphNames, type Parameter, type TracedGraph } from '../src/program/program.js';
import type { GraphInputs } from './fixtures.js';

export type Weights = (parameter: Pick<Parameter, 'name'>) => Float32Array;

/** @returns outputs by name; gradients of tables are scattered into whole tables */
export async function runTraced(
  engine: Engine,
  { graph }: TracedGraph,
  given: { parameters: readonly Parameter[]; weights: Weights; inputs: GraphInputs },
): Promise<Map<string, Float32Array>> {
  const executable = await engine.compile(graph, { threads: 1, precision: 'f32' });
  try {
    const all: GraphInputs = { ...given.inputs };
    for (const parameter of given.parameters) all[parameter.name] = given.weights(parameter);
    for (const { table, ids, rowsInput, tableShape } of graph.hostRows) {
      all[rowsInput] = gatherRows(
        given.weights({ name: table }),
        all[ids] as Int32Array,
        tableShape[1],
      );
    }
    const inputs = Object.fromEntries(
      executable.inputs.map(({ name }) => {
        const buffer = all[name];
        if (buffer === undefined) throw new Error(`the test gives no input ${name}`);
        return [name, buffer];
      }),
    );
    const outputs: Record<string, Float32Array> = Object.fromEntries(
      executable.outputs.map(({ name, shape }) => [
        name,
        new Float32Array(shape.reduce((a, b) => a * b, 1)),
      ]),
    );
    await executable.run(inputs, outputs);
    for (const { table, ids, gradientOutput, tableShape } of graph.hostRows) {
      const rows = gradientOutput === undefined ? undefined : outputs[gradientOutput];
      if (rows)
        outputs[graphNames.gradient(table)] = scatterRows(rows, all[ids] as Int32Array, tableShape);
    }
    return new Map(Object.entries(outputs));
  } finally {
    executable.dispose();
  }
}

function gatherRows(table: Float32Array, ids: Int32Array, width: number): Float32Array {
  const rows = new Float32Array(ids.length * width);
  ids.forEach((id, i) => {
    rows.set(table.subarray(id * width, (id + 1) * width), i * width);
  });
  return rows;
}

function scatterRows(
  rows: Float32Array,
  ids: Int32Array,
  [count, width]: readonly [number, number],
): Float32Array {
  const table = new Float32Array(count * width);
  ids.forEach((id, i) => {
    for (let column = 0; column < width; column++) {
      table[id * width + column] =
        (table[id * width + column] ?? 0) + (rows[i * width + column] ?? 0);
    }
  });
  return table;
}

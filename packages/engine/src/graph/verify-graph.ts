/** Checks the invariants that the types cannot hold; run after tracing, after every pass in tests, before compiling. */
import { assert } from '@microtune/shared';
import type { Graph, Value } from './graph.js';
import { inferOutputs } from './shape-rules.js';
import { sameShape } from './shape.js';

function unique(names: readonly string[]): void {
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  assert(repeated === undefined, `two graph inputs or outputs are called "${repeated}"`);
}

/** @throws MicrotuneError `internal` naming the first broken invariant: order, shapes, dtypes, names */
export function verifyGraph(graph: Graph): void {
  unique([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  const defined = new Set<Value>(graph.inputs.map(({ value }) => value));
  graph.nodes.forEach((node, position) => {
    const where = `node ${position} (${node.op})`;
    assert(
      node.inputs.every((input) => defined.has(input)),
      `${where} reads a value that is not computed before it`,
    );
    const expected = inferOutputs(node.op, node.inputs, node.attributes);
    assert(expected.length === node.outputs.length, `${where} has ${node.outputs.length} outputs`);
    node.outputs.forEach((output, i) => {
      const spec = expected[i]!;
      const fits = sameShape(spec.shape, output.shape) && spec.dtype === output.dtype;
      assert(
        fits && output.node === node && output.index === i,
        `output ${i} of ${where} is not what its rule gives`,
      );
      defined.add(output);
    });
  });
  for (const { name, value, shape, dtype } of [...graph.inputs, ...graph.outputs]) {
    assert(defined.has(value), `graph output "${name}" is not computed`);
    assert(
      sameShape(shape, value.shape) && dtype === value.dtype,
      `"${name}" and its value differ in shape or dtype`,
    );
  }
  for (const rows of graph.hostRows) {
    assert(
      graph.inputs.some(({ name }) => name === rows.rowsInput),
      `host rows need input "${rows.rowsInput}"`,
    );
  }
}

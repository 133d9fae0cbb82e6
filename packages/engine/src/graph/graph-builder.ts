/** Builds a graph node by node; the tracer and every pass end here. */
import { MicrotuneError } from '@microtune/shared';
import type { DType, HostRows, Shape } from '../graph-types.js';
import type { Graph, GraphNode, NamedValue, Value } from './graph.js';
import type { OpAttributes, OpName } from './ops.js';
import { inferOutputs } from './shape-rules.js';

export class GraphBuilder {
  readonly #inputs: NamedValue[] = [];
  readonly #nodes: GraphNode[] = [];

  /** @throws MicrotuneError `usage` when the name is taken */
  input(name: string, shape: Shape, dtype: DType): Value {
    if (this.#inputs.some((input) => input.name === name)) {
      throw new MicrotuneError('usage', `graph input "${name}" is declared twice`);
    }
    const value: Value = { shape, dtype, node: undefined, index: this.#inputs.length };
    this.#inputs.push({ name, shape, dtype, value });
    return value;
  }

  /** Adds a node and gives its outputs. @throws MicrotuneError `usage` when the op refuses its inputs */
  addMany<Op extends OpName>(
    op: Op,
    inputs: readonly Value[],
    attributes: OpAttributes[Op],
  ): readonly Value[] {
    const outputs: Value[] = [];
    const node = { op, inputs, attributes, outputs } as unknown as GraphNode;
    inferOutputs(op, inputs, attributes).forEach(({ shape, dtype }, index) =>
      outputs.push({ shape, dtype, node, index }),
    );
    this.#nodes.push(node);
    return outputs;
  }

  /** Adds a node and gives its first output. */
  add<Op extends OpName>(op: Op, inputs: readonly Value[], attributes: OpAttributes[Op]): Value {
    return this.addMany(op, inputs, attributes)[0]!;
  }

  splat(shape: Shape, dtype: DType, value: number): Value {
    return this.add('splat', [], { shape, dtype, value });
  }

  /** The graph of what the outputs need; inputs nobody reads stay. @throws MicrotuneError `usage` without outputs, or when one is named as an input */
  finish(outputs: Readonly<Record<string, Value>>, hostRows: readonly HostRows[] = []): Graph {
    const named = Object.entries(outputs).map(([name, value]) => ({
      name,
      shape: value.shape,
      dtype: value.dtype,
      value,
    }));
    if (named.length === 0) {
      throw new MicrotuneError('usage', 'a graph needs at least one output');
    }
    const taken = named.find(({ name }) => this.#inputs.some((input) => input.name === name));
    if (taken !== undefined) {
      throw new MicrotuneError('usage', `"${taken.name}" is the name of an input and of an output`);
    }
    const reached = new Set<GraphNode>(named.flatMap(({ value }) => value.node ?? []));
    const nodes = this.#nodes.toReversed().filter((node) => {
      if (!reached.has(node)) return false;
      for (const { node: feeding } of node.inputs) if (feeding !== undefined) reached.add(feeding);
      return true;
    });
    return Object.freeze({
      inputs: [...this.#inputs],
      nodes: nodes.reverse(),
      outputs: named,
      hostRows,
    });
  }
}

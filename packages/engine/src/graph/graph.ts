/**
 * The graph: an immutable list of nodes in execution order, over values with static shapes. Made by a GraphBuilder
 * (whose shape rules give each node its outputs), never changed: a pass builds a new one. Values are compared by
 * identity; names exist only at the border.
 */
import type { DType, HostRows, Shape, TensorSpec } from '../graph-types.js';
import type { OpAttributes, OpName } from './ops.js';

export interface Value {
  readonly shape: Shape;
  readonly dtype: DType;
  /** What computes it; undefined for a graph input. */
  readonly node: GraphNode | undefined;
  /** Which output of the node, or which graph input. */
  readonly index: number;
}

interface NodeOf<Op extends OpName> {
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly attributes: OpAttributes[Op];
  readonly outputs: readonly Value[];
}
/** A union over ops: testing `node.op` types `node.attributes`. */
export type GraphNode<Op extends OpName = OpName> = { [Each in Op]: NodeOf<Each> }[Op];

export interface NamedValue extends TensorSpec {
  readonly value: Value;
}

export interface Graph {
  readonly inputs: readonly NamedValue[];
  /** Each after the nodes that it reads. */
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly NamedValue[];
  /** Tables that the pass rows-on-host took out. */
  readonly hostRows: readonly HostRows[];
}

/** The node computing `value` when its op is `op`. */
export function producer<Op extends OpName>(
  value: Value | undefined,
  op: Op,
): GraphNode<Op> | undefined {
  return value?.node?.op === op ? (value.node as GraphNode<Op>) : undefined;
}

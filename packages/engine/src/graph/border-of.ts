import type { TensorSpec } from '../graph-types.js';
import type { Graph } from './graph.js';

/** Inputs and outputs without their values, which would keep the whole graph in memory. */
export function borderOf({ inputs, outputs }: Pick<Graph, 'inputs' | 'outputs'>): {
  inputs: TensorSpec[];
  outputs: TensorSpec[];
} {
  const spec = ({ name, shape, dtype }: TensorSpec): TensorSpec => ({ name, shape, dtype });
  return { inputs: inputs.map(spec), outputs: outputs.map(spec) };
}

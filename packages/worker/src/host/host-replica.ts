/** The state in the arena: gradients are summed there, and the update runs there as SIMD loops. */
import type { AllReduce, PartialSums, Reduced, SparseRows } from '@microtune/collective';
import {
  clipCoefficient,
  weightsOf,
  type AdamW,
  type ModelProgram,
  type TrainingState,
} from '@microtune/models';
import { assert, type ShardShape } from '@microtune/shared';
import type { Replica, ShardGraph } from '../replica.js';
import { ShardBorder, type Bindings } from '../shard-border.js';
import { createShardGraphs, type GraphKind } from '../shard-graphs.js';
import type { CompileShape } from './compile-shape.js';
import { HostGraph, placeOf } from './host-graph.js';

export interface HostReplicaOptions {
  readonly program: ModelProgram;
  readonly compileShape: CompileShape;
  readonly bindings: Bindings;
  readonly state: TrainingState;
  readonly optimizer: AdamW;
  /** 0 clips nothing. */
  readonly maxGradNorm: number;
  readonly partialSums: PartialSums;
  readonly allReduce: AllReduce;
}

export function createHostReplica(options: HostReplicaOptions): Replica {
  const { state, optimizer, maxGradNorm, partialSums, allReduce } = options;
  /** Gradients of table rows that wait for `accumulate`; the dense ones are in `partialSums.slot()`. */
  let rows: readonly SparseRows[] = [];
  let reduced: Reduced | undefined;

  const graphs = createShardGraphs(async (kind, shape): Promise<ShardGraph> => {
    const graph = await compileGraph(options, kind, shape);
    return {
      train: async (batch, step) => {
        const result = await graph.train(batch, step, partialSums.slot());
        rows = result.rows;
        return result.lossSum;
      },
      evaluate: (batch) => graph.evaluate(batch),
      dispose: () => graph.dispose(),
    };
  });
  return {
    graphs,
    accumulate: (shard) => partialSums.push(shard, rows),
    reduce: async (step, shardCount, losses) => {
      reduced = await allReduce.reduce(step, shardCount, partialSums.sums(), losses);
      return reduced.losses;
    },
    apply: async ({ weight, learningRate }) => {
      assert(reduced, 'apply comes after reduce');
      const gradient = reduced;
      const norm = optimizer.gradientNorm(gradient) / weight;
      const gradientScale = clipCoefficient(norm, maxGradNorm) / weight;
      optimizer.update({ gradient, learningRate, gradientScale });
      partialSums.clear();
      reduced = undefined;
      return norm;
    },
    snapshot: () => Promise.resolve(state),
    restore: () => Promise.resolve(),
    dispose: () => graphs.dispose(),
  };
}

async function compileGraph(
  { program, compileShape, bindings }: HostReplicaOptions,
  kind: GraphKind,
  shape: ShardShape,
): Promise<HostGraph> {
  const { traced, executable } = await compileShape(kind, shape);
  const { layout } = bindings.parameters;
  const parameters = Object.fromEntries(
    program.parameters
      .filter(({ name }) => executable.inputs.some((input) => input.name === name))
      .map((parameter) => [parameter.name, weightsOf(bindings, parameter)]),
  );
  const border = new ShardBorder({
    program,
    traced,
    shape,
    bindings,
    inputs: executable.inputs.filter(({ name }) => parameters[name] === undefined),
    outputs: executable.outputs.filter(({ name }) => placeOf(layout, name) === undefined),
  });
  return new HostGraph({ executable, border, layout, parameters });
}

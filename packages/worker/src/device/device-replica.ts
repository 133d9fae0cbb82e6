/**
 * The state on the engine's device. A step with one worker moves the batch, the loss and a few numbers; with more, the
 * partial sums come down into the arena, are reduced there, and the result goes up. Tables whose rows are gathered on
 * the host stay there with their moments: their squares go into the norm, and the factor that clipping gave comes back.
 */
import type { AllReduce, PartialSum, ShardLoss, SlotPool } from '@microtune/collective';
import { adamwNames, adamwScalars, type DeviceGradient } from '@microtune/engine';
import {
  squaresOfRows,
  type AdamW,
  type ModelProgram,
  type TrainingState,
} from '@microtune/models';
import { assert, type ShardShape } from '@microtune/shared';
import type { Replica, ShardGraph } from '../replica.js';
import { ShardBorder, type Bindings } from '../shard-border.js';
import { createShardGraphs, type GraphKind, type ShardGraphs } from '../shard-graphs.js';
import { requireMemory } from './require-memory.js';
import { DeviceSums, type ShardGradient } from './device-sums.js';
import { ResidentTraining, type ResidentOptions } from './resident-training.js';

export interface DeviceReplicaOptions extends ResidentOptions {
  readonly program: ModelProgram;
  readonly bindings: Bindings;
  /** Updates the tables. */
  readonly optimizer: AdamW;
  /** 0 clips nothing. */
  readonly maxGradNorm: number;
  readonly allReduce: AllReduce;
  readonly worldSize: number;
  /** Gradients that are on the device at once at most: sums that wait in the tree, and the one being computed. */
  readonly sumsHeld: number;
  /** Gradient slots of the arena, for the way through the all-reduce. */
  readonly pool: SlotPool;
}

/** @throws MicrotuneError `transient` when the device has no room for the state */
export async function openDeviceReplica(options: DeviceReplicaOptions): Promise<Replica> {
  return new DeviceReplica(options, await ResidentTraining.open(options));
}

class DeviceReplica implements Replica {
  readonly graphs: ShardGraphs;
  readonly #options: DeviceReplicaOptions;
  readonly #training: ResidentTraining;
  readonly #sums: DeviceSums;
  /** Waits for `accumulate`. */
  #computed: ShardGradient | undefined;
  /** Waits for `apply`. */
  #reduced: ShardGradient | undefined;
  #hostIsCurrent = true;

  constructor(options: DeviceReplicaOptions, training: ResidentTraining) {
    const widths = options.state.layout.tables.map(({ shape }) => shape[1] ?? 0);
    this.#options = options;
    this.#training = training;
    this.#sums = new DeviceSums(training.device, widths);
    this.graphs = createShardGraphs((kind, shape) => this.#graph(kind, shape));
  }

  accumulate(shard: number): void {
    assert(this.#computed, 'accumulate comes after train');
    this.#sums.push(shard, this.#computed);
    this.#computed = undefined;
  }

  async reduce(
    step: number,
    shardCount: number,
    losses: readonly ShardLoss[],
  ): Promise<readonly ShardLoss[]> {
    const sums = this.#sums.take(shardCount);
    if (this.#options.worldSize === 1) {
      assert(sums.length === 1, `one worker holds the sum of all ${shardCount} shards`);
      this.#reduced = sums[0]!.value;
      return losses;
    }
    const { allReduce, pool } = this.#options;
    const partials: PartialSum[] = [];
    for (const { node, value } of sums) {
      partials.push({ node, dense: await this.#download(value.dense), rows: value.rows });
    }
    const reduced = await allReduce.reduce(step, shardCount, partials, losses);
    const dense = await this.#training.device.upload(reduced.dense.view);
    for (const partial of partials) pool.giveBack(partial.dense);
    this.#reduced = { dense, rows: reduced.rows };
    return reduced.losses;
  }

  async apply({ weight, learningRate }: { weight: number; learningRate: number }): Promise<number> {
    assert(this.#reduced, 'apply comes after reduce');
    const { state, settings, maxGradNorm: maxNorm, optimizer } = this.#options;
    const { dense, rows } = this.#reduced;
    this.#reduced = undefined;
    this.#hostIsCurrent = false;
    const scalars = adamwScalars(settings, {
      step: state.step + 1,
      learningRate,
      batchWeight: weight,
      maxNorm,
      hostSquares: squaresOfRows(rows),
    });
    const norm = new Float32Array(1);
    const scale = new Float32Array(1);
    const outputs = { [adamwNames.norm]: norm, [adamwNames.scale]: scale };
    await this.#training.update.run(dense, scalars, outputs);
    optimizer.updateTables({ rows, learningRate, gradientScale: scale[0] ?? NaN });
    return norm[0] ?? NaN;
  }

  async snapshot(): Promise<TrainingState> {
    if (!this.#hostIsCurrent) await this.#training.download();
    this.#hostIsCurrent = true;
    return this.#options.state;
  }

  async restore(): Promise<void> {
    await this.#training.upload();
    this.#hostIsCurrent = true;
  }

  dispose(): void {
    this.graphs.dispose();
    this.#training.device.dispose();
  }

  get #waitingBytes(): number {
    return Math.max(0, this.#options.sumsHeld - 1) * this.#training.gradientBytes;
  }

  async #download(gradient: DeviceGradient): Promise<PartialSum['dense']> {
    const slot = this.#options.pool.take();
    await this.#training.device.download(gradient, 0, slot.view);
    gradient.dispose();
    return slot;
  }

  async #graph(kind: GraphKind, shape: ShardShape): Promise<ShardGraph> {
    const { program: model, bindings } = this.#options;
    const traced = await (kind === 'training'
      ? model.traceTraining(shape)
      : model.traceEvaluation(shape));
    const { program, outputs } = await this.#training.compile(kind, traced.graph);
    requireMemory({
      what: `the ${kind} graph of ${shape.rows} rows of ${shape.tokens} tokens`,
      // Sums of the shards before wait meanwhile; the gradient itself is in the peak.
      needBytes: program.peakBytes + (kind === 'training' ? this.#waitingBytes : 0),
      freeBytes: this.#training.device.freeBytes(),
    });
    const {
      dropoutSites,
      graph: { hostRows },
    } = traced;
    const border = new ShardBorder({
      program: model,
      traced: { hostRows, dropoutSites },
      shape,
      bindings,
      inputs: program.batch,
      outputs,
    });
    return {
      train: async (batch, step) => {
        const dense = await program.run(border.fill(batch, step), border.outputs);
        assert(dense, 'a training graph gives a gradient');
        this.#computed = { dense, rows: border.rowGradients(batch) };
        return border.lossSum;
      },
      evaluate: async (batch) => {
        await program.run(border.fill(batch), border.outputs);
        return border.outputs;
      },
      dispose: () => program.dispose(),
    };
  }
}

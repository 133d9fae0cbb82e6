/**
 * A model's forward pass in this process: one compiled graph per shard shape, made when a shard of that shape comes
 * first. Parameters are fed as they lie in memory; nothing is updated.
 */
import { gatherRows } from '@microtune/arena';
import type { Engine, Executable, HostBuffer, HostRows, Precision } from '@microtune/engine';
import { createBatcher, type Batch, type Batcher, type TokenizedDataset } from '@microtune/data';
import { graphNames, requireFit, type LoadedModel } from '@microtune/models';
import { assert, placesIn, shapeKey, type Shard, type ShardShape } from '@microtune/shared';

export interface ModelRunnerOptions {
  readonly model: LoadedModel;
  readonly engine: Engine;
  readonly precision: Precision;
  readonly threads: number;
}

interface CompiledShape {
  readonly executable: Executable;
  readonly hostRows: readonly HostRows[];
  /** Rows taken out of host tables, by graph input. */
  readonly rowBuffers: ReadonlyMap<string, Float32Array>;
  readonly outputs: Readonly<Record<string, HostBuffer>>;
}

export class ModelRunner {
  readonly #options: ModelRunnerOptions;
  readonly #parameters: Readonly<Record<string, Float32Array>>;
  readonly #compiled = new Map<string, CompiledShape>();

  private constructor(
    options: ModelRunnerOptions,
    parameters: Readonly<Record<string, Float32Array>>,
  ) {
    this.#options = options;
    this.#parameters = parameters;
  }

  /** Reads the weights. @throws MicrotuneError `data` naming file and tensor */
  static async load(options: ModelRunnerOptions): Promise<ModelRunner> {
    const parameters: Record<string, Float32Array> = {};
    await options.model.load((parameter) => {
      const count = parameter.shape.reduce((product, dimension) => product * dimension, 1);
      return (parameters[parameter.name] = new Float32Array(count));
    });
    return new ModelRunner(options, parameters);
  }

  /** @throws as requireFit. @returns logits [dataset.size, numLabels] row-major, in sample order; NaN for samples in no shard */
  async logits(dataset: TokenizedDataset, shards: readonly Shard[]): Promise<Float32Array> {
    const { model } = this.#options;
    requireFit(model, dataset);
    const { numLabels } = model.program;
    const batcher = createBatcher(dataset, {
      padTokenId: model.padTokenId,
      problemType: model.task.problemType,
    });
    const all = new Float32Array(dataset.size * numLabels).fill(Number.NaN); // [samples, numLabels]
    for (const shard of shards) {
      const logits = await this.#run(shard, batcher); // [rows * samplesPerRow, numLabels]
      for (const { sample, place } of placesIn(shard)) {
        all.set(logits.subarray(place * numLabels, (place + 1) * numLabels), sample * numLabels);
      }
    }
    return all;
  }

  close(): void {
    for (const { executable } of this.#compiled.values()) executable.dispose();
    this.#compiled.clear();
    this.#options.engine.dispose();
  }

  async #run(shard: Shard, batcher: Batcher): Promise<Float32Array> {
    const compiled = await this.#compile(shard.shape);
    const batch = batcher(shard);
    const feeds = this.#feeds(compiled, batch);
    const inputs = Object.fromEntries(
      compiled.executable.inputs.map(({ name }) => {
        const buffer = feeds[name];
        assert(buffer, `graph input ${name} has no buffer`);
        return [name, buffer];
      }),
    );
    await compiled.executable.run(inputs, compiled.outputs);
    return compiled.outputs[graphNames.logits] as Float32Array;
  }

  #feeds(
    { hostRows, rowBuffers }: CompiledShape,
    batch: Batch,
  ): Record<string, HostBuffer | undefined> {
    const regression = this.#options.model.task.problemType === 'regression';
    const feeds: Record<string, HostBuffer | undefined> = {
      ...this.#parameters,
      [graphNames.inputIds]: batch.inputIds,
      [graphNames.positionIds]: batch.positionIds,
      [graphNames.sampleOfToken]: batch.sampleOfToken,
      [graphNames.firstTokens]: batch.firstTokens,
      [graphNames.tokenTypeIds]: batch.tokenTypeIds,
      [graphNames.labels]: regression ? batch.targets : batch.labelIds,
      [graphNames.labelWeights]: batch.labelWeights,
    };
    for (const rows of hostRows) {
      const buffer = rowBuffers.get(rows.rowsInput);
      const table = this.#parameters[rows.table];
      assert(buffer && table, `table ${rows.table} is a parameter`);
      const ids = feeds[rows.ids] as Int32Array;
      gatherRows(buffer, { table, ids, width: rows.tableShape[1] });
      feeds[rows.rowsInput] = buffer;
    }
    return feeds;
  }

  async #compile(shape: ShardShape): Promise<CompiledShape> {
    const key = shapeKey(shape);
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const { engine, model, precision, threads } = this.#options;
    const { graph } = model.program.traceEvaluation(shape);
    const executable = await engine.compile(graph, { precision, threads });
    const compiled: CompiledShape = {
      executable,
      hostRows: graph.hostRows,
      rowBuffers: new Map(
        graph.hostRows.map(({ rowsInput, tableShape }) => [
          rowsInput,
          new Float32Array(shape.rows * shape.tokens * tableShape[1]),
        ]),
      ),
      outputs: Object.fromEntries(
        executable.outputs.map((output) => {
          const count = output.shape.reduce((product, dimension) => product * dimension, 1);
          return [output.name, new Float32Array(count)];
        }),
      ),
    };
    this.#compiled.set(key, compiled);
    return compiled;
  }
}

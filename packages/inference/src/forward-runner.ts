/**
 * A model's forward pass in this process, with labels or without: one compiled graph per shard shape, made when a shard of
 * that shape comes first. Nothing is updated.
 */
import { gatherRows } from '@microtune/arena';
import type { TokenizedTexts } from '@microtune/data';
import type { CompileOptions, Engine, HostBuffer, HostRows } from '@microtune/engine';
import { requireFit, type GraphKind, type GraphStore, type LoadedModel } from '@microtune/models';
import { assert, samplesIn, shapeKey, type Shard, type ShardShape } from '@microtune/shared';
import {
  createTokenCollator,
  type Batch,
  type Collate,
  type EvaluatedShard,
  type Outputs,
  type TaskSplit,
} from '@microtune/tasks';
import { TokenGraphs } from './generation/token-graphs.js';
import { floatsOf } from './floats-of.js';
import { placeWeights, type ForwardGraph, type PlacedWeights, type Weights } from './weights.js';

export interface ForwardOptions {
  readonly model: LoadedModel;
  readonly weights: Weights;
  /** Closed by `close`. */
  readonly engine: Engine;
  readonly compile: CompileOptions;
  /** Of traced graphs; undefined keeps none. */
  readonly graphStore: GraphStore | undefined;
}

/** What a model has computed since it was opened. */
export interface Figures {
  readonly texts: number;
  /** Of the texts, without padding. */
  readonly tokens: number;
  /** Computed for nothing: where a shape had room and no text for it. */
  readonly paddingTokens: number;
  /** Runs of a compiled graph, one per shard. */
  readonly runs: number;
  /** Graphs compiled, one per shape. */
  readonly graphs: number;
}

interface CompiledShape {
  readonly graph: ForwardGraph;
  /** Rows taken out of host tables, by graph input. */
  readonly tables: readonly { readonly rows: HostRows; readonly into: Float32Array }[];
  readonly outputs: Readonly<Record<string, HostBuffer>>;
}

interface Digesting {
  readonly lengths: Int32Array;
  readonly collate: Collate;
  readonly digest: (batch: Batch, outputs: Outputs) => Uint8Array;
}

export class ForwardRunner {
  readonly #options: ForwardOptions;
  readonly #placed: PlacedWeights;
  /** Of a language model, to generate with. */
  readonly tokenGraphs: TokenGraphs;
  readonly #compiled = new Map<string, Promise<CompiledShape>>();

  readonly #counts = { texts: 0, tokens: 0, paddingTokens: 0, runs: 0 };

  private constructor(options: ForwardOptions, placed: PlacedWeights) {
    this.#options = options;
    this.#placed = placed;
    const { weights } = options;
    this.tokenGraphs = new TokenGraphs({ placed, weights });
  }

  /** @throws MicrotuneError `transient` when the device has no room for the weights */
  static async open(options: ForwardOptions): Promise<ForwardRunner> {
    const { program } = options.model;
    return new ForwardRunner(options, await placeWeights({ ...options, program }));
  }

  /**
   * What a task's `score` wants of every shard, from what a model says without labels. One call at a time.
   * @param digest is given what the graph gave for a batch, which the next one overwrites
   * @throws as requireFit
   */
  async run(
    texts: TokenizedTexts,
    shards: readonly Shard[],
    digest: (batch: Batch, outputs: Outputs) => Uint8Array,
  ): Promise<EvaluatedShard[]> {
    const { model } = this.#options;
    requireFit(model, texts);
    const collate = createTokenCollator(texts, model.program.inputs, model);
    return this.#digests('forward', shards, { lengths: texts.lengths, collate, digest });
  }

  /**
   * As `run`, with the losses of what is known of each sample. One call at a time.
   * @throws as requireFit
   */
  async evaluate(
    split: Pick<TaskSplit, 'tokens' | 'lengths' | 'collator'>,
    shards: readonly Shard[],
    digest: (batch: Batch, outputs: Outputs) => Uint8Array,
  ): Promise<EvaluatedShard[]> {
    const { model } = this.#options;
    const { program } = model;
    requireFit(model, split.tokens);
    const collate = split.collator([...program.inputs, ...program.labelInputs]);
    return this.#digests('evaluation', shards, { lengths: split.lengths, collate, digest });
  }

  async #digests(
    kind: GraphKind,
    shards: readonly Shard[],
    { lengths, collate, digest }: Digesting,
  ): Promise<EvaluatedShard[]> {
    const evaluated: EvaluatedShard[] = [];
    for (const shard of shards) {
      const compiled = await this.#compile(kind, shard.shape);
      const batch = collate(shard);
      await compiled.graph.run(this.#inputs(compiled, batch), compiled.outputs);
      this.#count(shard, lengths);
      evaluated.push({ shard, digest: digest(batch, compiled.outputs) });
    }
    return evaluated;
  }

  get figures(): Figures {
    return { ...this.#counts, graphs: this.#compiled.size + this.tokenGraphs.count };
  }

  async close(): Promise<void> {
    for (const compiling of this.#compiled.values()) {
      const compiled = await compiling.catch(() => undefined);
      compiled?.graph.dispose();
    }
    this.#compiled.clear();
    await this.tokenGraphs.close();
    this.#placed.dispose();
    this.#options.engine.dispose();
  }

  #inputs({ graph, tables }: CompiledShape, batch: Batch): Record<string, HostBuffer> {
    const inputs: Record<string, HostBuffer> = {};
    for (const { name } of graph.inputs) {
      const input = batch.inputs[name];
      if (input !== undefined) inputs[name] = input;
    }
    for (const { rows, into } of tables) {
      const table = this.#options.weights.get(rows.table);
      const ids = batch.inputs[rows.ids];
      assert(table && ids instanceof Int32Array, `rows of ${rows.table} can be gathered`);
      gatherRows(into, { table, ids, width: rows.tableShape[1] });
      inputs[rows.rowsInput] = into;
    }
    return inputs;
  }

  #count(shard: Shard, lengths: Int32Array): void {
    const samples = samplesIn(shard);
    const tokens = samples.reduce((sum, sample) => sum + (lengths[sample] ?? 0), 0);
    this.#counts.texts += samples.length;
    this.#counts.tokens += tokens;
    this.#counts.paddingTokens += shard.shape.rows * shard.shape.tokens - tokens;
    this.#counts.runs++;
  }

  #compile(kind: GraphKind, shape: ShardShape): Promise<CompiledShape> {
    const key = `${kind} ${shapeKey(shape)}`;
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const compiling = this.#make(kind, shape);
    this.#compiled.set(key, compiling);
    return compiling;
  }

  async #make(kind: GraphKind, shape: ShardShape): Promise<CompiledShape> {
    const graph = await this.#placed.compile(kind, shape);
    return {
      graph,
      tables: graph.hostRows.map((rows) => ({
        rows,
        into: new Float32Array(shape.rows * shape.tokens * rows.tableShape[1]),
      })),
      outputs: Object.fromEntries(graph.outputs.map((spec) => [spec.name, floatsOf(spec)])),
    };
  }
}

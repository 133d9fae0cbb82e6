/**
 * Rows of texts that grow: a prompt goes in whole, then a token a row at a time, and logits of what follows come out.
 *
 * Every prompt goes through a graph of its own row, whose length depends on nothing but the prompt's: so what is said of it does not
 * depend on which others are made beside it. Beyond some 64 tokens the products of one prompt keep a CPU busy.
 */
import { graphNames } from '@microtune/models';
import { assert } from '@microtune/shared';
import { KeptTokens } from './kept-tokens.js';
import type { TokenGraph, TokenGraphs } from './token-graphs.js';

/** Tokens that prompts are padded to; beyond, and for smaller models, as many as the model takes. */
const promptLengths = [16, 32, 64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096];
/** Places for kept tokens at least. */
const leastCapacity = 256;

export interface NextTokensOptions {
  readonly graphs: TokenGraphs;
  /** Texts that grow at the same time at most. */
  readonly rows: number;
  /** Positions of the model. */
  readonly maxTokens: number;
}

export class NextTokens {
  readonly rows: number;
  readonly #options: NextTokensOptions;
  /** [rows] Tokens kept of each; 0 of an idle one. */
  readonly #lengths: Int32Array;
  #kept: KeptTokens | undefined;

  constructor(options: NextTokensOptions) {
    this.rows = options.rows;
    this.#options = options;
    this.#lengths = new Int32Array(options.rows);
  }

  /**
   * Begins a text in an idle row.
   * @param most tokens that it will have kept at the end, at most
   * @returns logits [V] of what follows; overwritten by the next prompt
   */
  async begin(row: number, ids: readonly number[], most: number): Promise<Float32Array> {
    const { graphs, maxTokens } = this.#options;
    assert(this.#lengths[row] === 0 && ids.length > 0 && most <= maxTokens, `row ${row} begins`);
    const tokens = promptLengths.find((length) => length >= ids.length && length < maxTokens);
    const graph = await graphs.get({ rows: 1, tokens: tokens ?? maxTokens, cached: 0 });
    const { batch, outputs, shape } = graph;
    batch.ids.fill(0).set(ids);
    batch.samples.fill(0).fill(1, 0, ids.length);
    for (let at = 0; at < shape.tokens; at++) batch.positions[at] = at < ids.length ? at : 0;
    batch.last[0] = ids.length - 1;
    await graph.run({});
    this.#reserve(graph, most);
    const place = { row, from: 0, place: 0, count: ids.length };
    this.#kept?.write({ outputs, tokens: shape.tokens }, place);
    this.#lengths[row] = ids.length;
    return logitsOf(graph);
  }

  /**
   * One more token in each row that has a text.
   * @param tokens [rows]
   * @returns logits [rows, V]; overwritten by the next call
   */
  async next(tokens: Int32Array): Promise<Float32Array> {
    const kept = this.#kept;
    assert(kept, 'a text has begun');
    const { graphs } = this.#options;
    const graph = await graphs.get({ rows: this.rows, tokens: 1, cached: kept.capacity });
    const { batch, outputs } = graph;
    for (let row = 0; row < this.rows; row++) {
      const length = this.#lengths[row] ?? 0;
      batch.ids[row] = length === 0 ? 0 : (tokens[row] ?? 0);
      batch.positions[row] = length;
      batch.samples[row] = length === 0 ? 0 : 1;
      batch.last[row] = row;
    }
    await graph.run(kept.inputs);
    for (let row = 0; row < this.rows; row++) {
      const place = this.#lengths[row] ?? 0;
      if (place === 0) continue;
      kept.write({ outputs, tokens: 1 }, { row, from: row, place, count: 1 });
      this.#lengths[row] = place + 1;
    }
    return logitsOf(graph);
  }

  /** The row is idle again. */
  end(row: number): void {
    this.#lengths[row] = 0;
  }

  #reserve({ graph }: TokenGraph, most: number): void {
    const { maxTokens } = this.#options;
    const capacity = Math.min(maxTokens, Math.max(leastCapacity, 2 ** Math.ceil(Math.log2(most))));
    const { rows } = this;
    if (this.#kept === undefined) this.#kept = KeptTokens.for(graph.outputs, { rows, capacity });
    else if (this.#kept.capacity < capacity) this.#kept = this.#kept.grown(capacity);
  }
}

function logitsOf({ outputs }: TokenGraph): Float32Array {
  const logits = outputs[graphNames.logits];
  assert(logits, 'a graph that generates gives logits');
  return logits;
}

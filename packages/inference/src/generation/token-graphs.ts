/** The compiled graphs of a model that generates: one per shape, made when it is needed first, with buffers of its own. */
import { gatherRows } from '@microtune/arena';
import type { HostBuffer, HostRows } from '@microtune/engine';
import type { GenerationShape } from '@microtune/models';
import { assert } from '@microtune/shared';
import { tokenInputs } from '@microtune/tasks';
import { floatsOf } from '../floats-of.js';
import type { ForwardGraph, PlacedWeights, Weights } from '../weights.js';

export interface TokenGraph {
  readonly shape: GenerationShape;
  readonly graph: ForwardGraph;
  /** Filled by whoever runs it. */
  readonly batch: {
    readonly ids: Int32Array; // [R * T]
    readonly positions: Int32Array; // [R * T]
    /** 1 for a token, 0 for padding. */
    readonly samples: Float32Array; // [R, T]
    readonly last: Int32Array; // [R]
  };
  /** What the last run gave. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
  run(kept: Readonly<Record<string, HostBuffer>>): Promise<void>;
}

export interface TokenGraphsOptions {
  readonly placed: PlacedWeights;
  readonly weights: Weights;
}

export class TokenGraphs {
  readonly #options: TokenGraphsOptions;
  readonly #made = new Map<string, Promise<TokenGraph>>();

  constructor(options: TokenGraphsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#made.size;
  }

  get({ rows, tokens, cached }: GenerationShape): Promise<TokenGraph> {
    const key = [rows, tokens, cached].join();
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const making = this.#make({ rows, tokens, cached });
    this.#made.set(key, making);
    return making;
  }

  async close(): Promise<void> {
    for (const making of this.#made.values()) {
      const made = await making.catch(() => undefined);
      made?.graph.dispose();
    }
    this.#made.clear();
  }

  async #make(shape: GenerationShape): Promise<TokenGraph> {
    const { placed, weights } = this.#options;
    const graph = await placed.compileGeneration(shape);
    const { rows, tokens } = shape;
    const batch = {
      ids: new Int32Array(rows * tokens),
      positions: new Int32Array(rows * tokens),
      samples: new Float32Array(rows * tokens),
      last: new Int32Array(rows),
    };
    const own: Record<string, HostBuffer> = {
      [tokenInputs.inputIds.name]: batch.ids,
      [tokenInputs.positionIds.name]: batch.positions,
      [tokenInputs.sampleOfToken.name]: batch.samples,
      [tokenInputs.lastTokens.name]: batch.last,
    };
    const gather = graph.hostRows.map((each) => gatherer(each, own, weights));
    const outputs = Object.fromEntries(graph.outputs.map((spec) => [spec.name, floatsOf(spec)]));
    return {
      ...{ shape, graph, batch, outputs },
      run: async (kept) => {
        for (const take of gather) take();
        await graph.run({ ...own, ...kept }, outputs);
      },
    };
  }
}

/** Takes rows of a table on the host into an input of its own. */
function gatherer(
  { table: name, ids: idsName, rowsInput, tableShape }: HostRows,
  inputs: Record<string, HostBuffer>,
  weights: Weights,
): () => void {
  const [table, ids, width] = [weights.get(name), inputs[idsName], tableShape[1]];
  assert(table && ids instanceof Int32Array, `rows of ${name} can be gathered`);
  const into = new Float32Array(ids.length * width);
  inputs[rowsInput] = into;
  return () => {
    gatherRows(into, { table, ids, width });
  };
}

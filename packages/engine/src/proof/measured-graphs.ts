/**
 * What kernels are tempted to split among threads, and what they treat in their own way: products with long and short
 * sums, in all transpositions; lone rows; reductions; subnormal numbers. Sizes are those of MiniLM and BERT-base, large
 * enough that every engine uses all its threads.
 */
import { randomNumbers, randomTensor } from '../conformance/random-values.js';
import type { Buffers } from '../conformance/run-graph.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import type { Graph, Value } from '../graph/graph.js';
import type { Shape } from '../graph-types.js';

export interface MeasuredGraph {
  readonly graph: Graph;
  readonly inputs: Buffers;
}

const plain = { transposeA: false, transposeB: false, alpha: 1 };

/** A builder whose inputs are random numbers. */
class RandomGraph {
  readonly build = new GraphBuilder();
  readonly #inputs: Buffers = {};
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = randomNumbers(seed);
  }

  /** Numbers in [from, 1) x scale. */
  input(shape: Shape, { from = -1, scale = 1 } = {}): Value {
    const name = `x${String(Object.keys(this.#inputs).length)}`;
    const values = randomTensor({ shape, dtype: 'float32', from, to: 1 }, this.#next);
    if (scale !== 1) values.forEach((value, at) => (values[at] = value * scale));
    this.#inputs[name] = values;
    return this.build.input(name, shape, 'float32');
  }

  product(a: Shape, b: Shape, flags: Partial<typeof plain> = {}): Value {
    return this.build.add('matMul', [this.input(a), this.input(b)], { ...plain, ...flags });
  }

  finish(outputs: Readonly<Record<string, Value>>): MeasuredGraph {
    return { graph: this.build.finish(outputs), inputs: this.#inputs };
  }
}

/** Products and reductions. */
export function sumsGraph(): MeasuredGraph {
  const random = new RandomGraph(7);
  const { build } = random;
  const rows = { axes: [0], keepDims: false };
  const positive = { from: 0 };
  return random.finish({
    everything: build.add('reduceSum', [random.input([300_007], positive)], rows),
    mean: build.add('reduceMean', [random.input([1000, 600], positive)], {
      axes: [0, 1],
      keepDims: true,
    }),
    columns: build.add('reduceSum', [random.input([20_000, 3])], rows),
    row: random.product([1, 768], [768, 3072]),
    turnedRow: random.product([3072, 1], [3072, 768], { transposeA: true }),
    rowBatch: random.product([1, 1, 768], [768, 768]),
    column: random.product([768, 3072], [3072, 1]),
    weights: random.product([4096, 384], [4096, 64], { transposeA: true }),
    wideWeights: random.product([512, 384], [512, 1536], { transposeA: true }),
    down: random.product([512, 3072], [768, 3072], { transposeB: true }),
    scores: random.product([2, 4, 512, 32], [2, 4, 512, 32], { transposeB: true }),
    lone: random.product([2, 4, 1, 512], [2, 4, 512, 32]),
    context: random.product([2, 4, 256, 512], [2, 4, 512, 32]),
  });
}

/** The same kinds of kernels over numbers around 1e-38, where threads may or may not flush to zero. */
export function subnormalGraph(): MeasuredGraph {
  const random = new RandomGraph(11);
  const { build } = random;
  const tiny = random.input([1024, 768], { scale: 2 ** -125 });
  const half = build.splat([], 'float32', 0.5);
  const decayed = build.add('mul', [tiny, half], {});
  return random.finish({
    sum: build.add('add', [tiny, build.add('mul', [random.input([1024, 768]), decayed], {})], {}),
    decayed,
    root: build.add('sqrt', [build.add('abs', [decayed], {})], {}),
    product: build.add('matMul', [tiny, random.input([768, 384])], plain),
    columns: build.add('reduceSum', [tiny], { axes: [0], keepDims: false }),
    rows: build.add('reduceSum', [decayed], { axes: [1], keepDims: false }),
    // Exponentials of large negative numbers are subnormal.
    softmax: build.add('softmax', [random.input([512, 512], { scale: 90 })], {}),
  });
}

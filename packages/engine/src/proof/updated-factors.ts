/**
 * Parameters are updated in place between two runs of a program. A kernel that packs a factor once and knows it by its
 * address multiplies by what it was (docs/decisions/0013). Half of a parameter is exact, in bfloat16 as in float32, and
 * so is half of a sum: the second run must give exactly half of the first.
 */
import { randomNumbers, randomTensor } from '../conformance/random-values.js';
import { hashBuffers, type Buffers } from '../conformance/run-graph.js';
import type { CompileOptions, Engine } from '../engine.js';
import type { Graph } from '../graph/graph.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import { hostBuffer } from '../graph/shape.js';
import { packGradient } from '../resident/pack-gradient.js';
import { nextValue, type ResidentEngine } from '../resident/resident.js';

/** Large enough for the kernels that pack. [rows, width] x [width, columns] as forward, [rows, columns] x [width, columns]T as backward. */
const [rows, width, columns] = [128, 1536, 384];
const count = width * columns;
const plain = { transposeA: false, transposeB: false, alpha: 1 };

/** Results of the forward and of the backward product. */
type Products = Buffers;

/** With the factor in a buffer of the host. @returns a hash of the products, or what is wrong with them */
export async function updatedOnHost(engine: Engine, options: CompileOptions): Promise<string> {
  const { x, dy, w } = factors();
  const graph = productsGraph({ withGradient: false });
  const executable = await engine.compile(graph, options);
  try {
    const run = async (): Promise<Products> => {
      const outputs = outputsOf(graph);
      await executable.run({ x, dy, w }, outputs);
      return outputs;
    };
    const first = await run();
    w.forEach((value, at) => (w[at] = value / 2));
    return compared(first, await run());
  } finally {
    executable.dispose();
  }
}

/** With the factor on the device, where an update program halves it. */
export async function updatedOnDevice(
  engine: ResidentEngine,
  options: CompileOptions,
): Promise<string> {
  const { x, dy, w } = factors();
  const state = await engine.init([
    { name: 'w', shape: [width, columns], dtype: 'float32', data: w },
  ]);
  try {
    const graph = productsGraph({ withGradient: true });
    const places = new Map([['g', { start: 0, count }]]);
    const packed = packGradient(graph, { places, count, name: 'gradient' });
    const program = await state.compileGradient(packed, { ...options, gradient: 'gradient' });
    const apply = await state.compileApply(halvingGraph(), { ...options, gradient: 'gradient' });
    const run = async () => {
      const outputs = outputsOf(graph);
      delete outputs['g'];
      return { outputs, gradient: await program.run({ x, dy }, outputs) };
    };
    const first = await run();
    await apply.run(first.gradient!, {}, {});
    const second = await run();
    second.gradient?.dispose();
    return compared(first.outputs, second.outputs);
  } finally {
    state.dispose();
  }
}

function factors() {
  const next = randomNumbers(13);
  const random = (shape: readonly number[]) =>
    randomTensor({ shape, dtype: 'float32', from: -1, to: 1 }, next);
  return {
    x: random([rows, width]),
    dy: random([rows, columns]),
    w: random([width, columns]) as Float32Array,
  };
}

function productsGraph({ withGradient }: { readonly withGradient: boolean }): Graph {
  const build = new GraphBuilder();
  const w = build.input('w', [width, columns], 'float32');
  const x = build.input('x', [rows, width], 'float32');
  const dy = build.input('dy', [rows, columns], 'float32');
  const minusHalf = build.splat([], 'float32', -0.5);
  return build.finish({
    forward: build.add('matMul', [x, w], plain),
    backward: build.add('matMul', [dy, w], { ...plain, transposeB: true }),
    ...(withGradient ? { g: build.add('mul', [w, minusHalf], {}) } : {}),
  });
}

/** w + gradient, where the gradient is -w / 2. */
function halvingGraph(): Graph {
  const build = new GraphBuilder();
  const gradient = build.input('gradient', [count], 'float32');
  const turned = build.add('reshape', [gradient], { shape: [width, columns] });
  const w = build.input('w', [width, columns], 'float32');
  return build.finish({ [nextValue('w')]: build.add('add', [w, turned], {}) });
}

function outputsOf(graph: Graph): Buffers {
  return Object.fromEntries(
    graph.outputs.map(({ name, shape, dtype }) => [name, hostBuffer(shape, dtype)]),
  );
}

function compared(first: Products, second: Products): string {
  for (const [name, values] of Object.entries(first)) {
    const wrong = values.filter((value, at) => second[name]?.[at] !== value / 2).length;
    if (wrong > 0)
      return `differ: ${String(wrong)} of ${String(values.length)} ${name} ones do not follow a parameter updated in place`;
  }
  return hashBuffers(first);
}

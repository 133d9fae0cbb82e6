/** One engine's bits on this machine with one number of threads: what `proveEngine` compares between numbers. */
import { modelCases } from '../conformance/model-cases.js';
import { hashBuffers, type Buffers } from '../conformance/run-graph.js';
import type { CompileOptions, Engine } from '../engine.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import { hostBuffer } from '../graph/shape.js';
import { packGradient, smallestGradient } from '../resident/pack-gradient.js';
import type { DeviceState, ResidentEngine } from '../resident/resident.js';
import { updatedOnDevice, updatedOnHost } from './updated-factors.js';
import { subnormalGraph, sumsGraph, type MeasuredGraph } from './measured-graphs.js';

/** What was computed -> a hash of its bits, or what is wrong with them. */
export type Measured = Readonly<Record<string, string>>;

/**
 * Runs products, sums, subnormal numbers and a transformer block, each twice, and products by a factor that is updated in
 * between; with state on a device its sums and updates, too.
 */
export async function measureEngine(engine: Engine, options: CompileOptions): Promise<Measured> {
  const graphs: Readonly<Record<string, MeasuredGraph>> = {
    sums: sumsGraph(),
    subnormals: subnormalGraph(),
    block: modelCases['a transformer block']!.make(),
  };
  const measured: Record<string, string> = {};
  for (const [title, graph] of Object.entries(graphs)) {
    for (const [output, hash] of Object.entries(await hashesOf(engine, graph, options)))
      measured[`${title}.${output}`] = hash;
  }
  measured['products by updated factors'] = await updatedOnHost(engine, options);
  const { init } = engine;
  if (init !== undefined) {
    measured['device sums'] = await deviceSums({ init }, options);
    measured['products by factors updated on the device'] = await updatedOnDevice(
      { init },
      options,
    );
  }
  return measured;
}

async function hashesOf(
  engine: Engine,
  { graph, inputs }: MeasuredGraph,
  options: CompileOptions,
): Promise<Measured> {
  const executable = await engine.compile(graph, options);
  try {
    const run = async (): Promise<Measured> => {
      const outputs: Buffers = {};
      for (const { name, shape, dtype } of graph.outputs) outputs[name] = hostBuffer(shape, dtype);
      await executable.run(inputs, outputs);
      return Object.fromEntries(
        Object.entries(outputs).map(([name, values]) => [name, hashBuffers({ [name]: values })]),
      );
    };
    const first = await run();
    const second = await run();
    return Object.fromEntries(
      Object.entries(first).map(([name, hash]) => [
        name,
        hash === second[name] ? hash : `differs from run to run: ${hash} ${second[name]}`,
      ]),
    );
  } finally {
    executable.dispose();
  }
}

/** Values of a vector on the device: enough for it to use several threads. */
const sumsCount = 1 << 18;

/** Whether the device adds gradients to the bits of the host. */
async function deviceSums(engine: ResidentEngine, options: CompileOptions): Promise<string> {
  const state = await engine.init([
    { name: 'state', shape: [sumsCount], dtype: 'float32', data: new Float32Array(sumsCount) },
  ]);
  try {
    const left = new Float32Array(sumsCount);
    // From twice the smallest that a gradient may be on; every other pair cancels all but its last bits.
    for (let i = 0; i < sumsCount; i++)
      left[i] = smallestGradient * 2 ** (1 + (i % 140)) * (1 + (i % 977) / 977);
    const right = left.map((value, i) => (i % 2 === 0 ? -value * (1 - 2 ** -23) : value * 3));
    const expected = left.map((value, i) => value + right[i]!);
    const actual = await addOnDevice(state, [left, right], options);
    const at = expected.findIndex((value, i) => !Object.is(value, actual[i]));
    if (at < 0) return hashBuffers({ expected });
    return `differ from the host's: ${left[at]} + ${right[at]} is ${actual[at]} instead of ${expected[at]}`;
  } finally {
    state.dispose();
  }
}

async function addOnDevice(
  state: DeviceState,
  [left, right]: readonly [Float32Array, Float32Array],
  options: CompileOptions,
): Promise<Float32Array> {
  const build = new GraphBuilder();
  const graph = build.finish({
    g: build.add('reshape', [build.input('x', [sumsCount], 'float32')], { shape: [sumsCount] }),
  });
  const places = new Map([['g', { start: 0, count: sumsCount }]]);
  const packed = packGradient(graph, { places, count: sumsCount, name: 'gradient' });
  const program = await state.compileGradient(packed, { ...options, gradient: 'gradient' });
  const first = await program.run({ x: left }, {});
  const second = await program.run({ x: right }, {});
  const sum = state.accumulate(first!, second!);
  const into = new Float32Array(sumsCount);
  await state.download(sum, 0, into);
  sum.dispose();
  return into;
}

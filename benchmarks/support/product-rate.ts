/**
 * What an engine's matrix products alone reach: those of a transformer's layers, one after the other over the same rows,
 * with nothing between them. The yardstick of anything that computes such layers.
 */
import { trace, type Engine, type HostBuffer, type TensorSpec } from '@microtune/engine';
import { matMul, slice } from '@tensorflow/tfjs-core';

export interface LayerProducts {
  readonly layers: number;
  readonly hiddenSize: number;
  /** Tokens of a run. */
  readonly rows: number;
  readonly threads: number;
}

/** @returns FLOP/s of each of `repeats` runs, after one to warm up */
export async function productRates(
  engine: Engine,
  { layers, hiddenSize: width, rows, threads }: LayerProducts,
  repeats: number,
): Promise<number[]> {
  const graph = trace(({ input }) => {
    let x = input('x', [rows, width], 'float32');
    for (let layer = 0; layer < layers; layer++) {
      const weight = (name: string, outputs: number, inputs: number) =>
        input(`${name}/${layer}`, [outputs, inputs], 'float32');
      const queryKeyValue = matMul(x, weight('qkv', 3 * width, width), false, true);
      const value = slice(queryKeyValue, [0, 0], [rows, width]);
      const context = matMul(value, weight('output', width, width), false, true);
      const inner = matMul(context, weight('inner', 4 * width, width), false, true);
      x = matMul(inner, weight('outer', width, 4 * width), false, true);
    }
    return { last: x };
  });
  const executable = await engine.compile(graph, { threads, precision: 'f32' });
  const inputs = buffersOf(executable.inputs);
  const outputs = buffersOf(executable.outputs);
  const flops = 2 * layers * 12 * width ** 2 * rows;
  const rates: number[] = [];
  for (let run = 0; run <= repeats; run++) {
    const started = performance.now();
    await executable.run(inputs, outputs);
    if (run > 0) rates.push(flops / ((performance.now() - started) / 1000));
  }
  executable.dispose();
  return rates;
}

/** Numbers of either sign that keep their size through the layers: subnormal ones would take many times as long. */
function buffersOf(specs: readonly TensorSpec[]): Record<string, HostBuffer> {
  return Object.fromEntries(
    specs.map(({ name, shape }) => {
      const count = shape.reduce((product, size) => product * size, 1);
      return [name, Float32Array.from({ length: count }, (_, at) => Math.sin(at * at) / 12)];
    }),
  );
}

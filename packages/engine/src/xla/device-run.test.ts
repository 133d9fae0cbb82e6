// The plugin reads its number of threads there: a stand-in would not reach it.
import { env as environment } from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder } from '../graph/graph-builder.js';
import { testXlaPlugin } from '../setup/xla-test-plugin.js';
import { runOnDevice } from './device-run.js';
import { toStableHlo } from './stablehlo/to-stablehlo.js';
import { XlaCompiler } from './xla-compiler.js';

const { plugin, skipReason } = await testXlaPlugin(environment);

describe.skipIf(plugin === undefined)(
  `copies to and from a device (${skipReason ?? 'on the CPU'})`,
  () => {
    let compiler: XlaCompiler;
    beforeAll(() => {
      compiler = new XlaCompiler({
        plugin: plugin!,
        environment,
        cache: undefined,
        ordinal: 0,
      });
    });
    afterAll(() => {
      compiler.dispose();
    });

    const build = new GraphBuilder();
    const [x, keep] = [build.input('x', [3], 'float32'), build.input('keep', [3], 'bool')];
    const ids = build.input('ids', [2], 'int32');
    const graph = build.finish({
      kept: build.add('dropout', [x, keep], { scale: 2 }),
      rows: build.add('gather', [x, ids], { axis: 0 }),
      next: build.add('add', [ids, ids], {}),
    });
    const text = toStableHlo(graph, { precision: 'f32', tf32: false });
    const [xs, keeps, idss] = graph.inputs;
    const inputs = [
      { spec: xs!, data: Float32Array.of(1, 2, 3) },
      { spec: keeps!, data: Uint8Array.of(1, 0, 1) },
      { spec: idss!, data: Int32Array.of(2, 0) },
    ];
    const outputs = graph.outputs.map((spec) => ({
      spec,
      data: spec.dtype === 'int32' ? new Int32Array(2) : new Float32Array(spec.shape[0]!),
    }));

    it('brings every dtype there and back', async () => {
      const program = await compiler.compile(text);
      for (let repeat = 0; repeat < 2; repeat++) {
        for (const { data } of outputs) data.fill(-1);
        await runOnDevice(program, inputs, outputs);
        expect(outputs.map(({ data }) => Array.from(data))).toEqual([
          [2, 0, 6],
          [3, 1],
          [4, 0],
        ]);
      }
      program.executable.destroy();
    });

    it('throws what the plugin refuses, and runs again', async () => {
      const program = await compiler.compile(text);
      await expect(runOnDevice(program, inputs.slice(1), outputs)).rejects.toMatchObject({
        name: 'PjrtError',
        message: expect.stringContaining('LoadedExecutable_Execute failed') as string,
      });
      await runOnDevice(program, inputs, outputs);
      expect(Array.from(outputs[0]!.data)).toEqual([2, 0, 6]);
      program.executable.destroy();
    });
  },
);

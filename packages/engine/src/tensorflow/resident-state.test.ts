// Native libraries read their settings there while they load: a stand-in would not reach them.
import { env as environment } from 'node:process';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../load-engine.js';
import { testTensorflow } from '../setup/tensorflow-test-addon.js';
import { testCacheFolder as cacheFolder } from '../setup/test-libraries.js';
import { trace } from '../tracer/trace.js';

const { skipReason } = await testTensorflow();

describe.skipIf(skipReason !== undefined)(
  `TensorFlow's state (${skipReason ?? 'set up for tests'})`,
  () => {
    it('is unknown after a failed run: whatever follows fails, naming the program', async () => {
      const engine = await loadEngine('tensorflow', { cacheFolder, environment });
      const w = Float32Array.of(1, 2, 3);
      const state = await engine.init!([{ name: 'w', shape: [3], dtype: 'float32', data: w }]);
      const graph = trace(({ input }) => ({
        rows: tf.gather(input('w', [3], 'float32'), input('ids', [2], 'int32')),
      }));
      const program = await state.compileGradient(graph, {
        threads: 1,
        precision: 'f32',
        gradient: undefined,
      });
      const rows = new Float32Array(2);
      await program.run({ ids: Int32Array.of(2, 0) }, { rows });
      expect([...rows]).toEqual([3, 1]);
      const lost = {
        code: 'transient',
        message: expect.stringMatching(/program 1 for ids \[2\]/) as string,
      };
      const bad = { ids: Int32Array.of(7, 0) };
      await expect(program.run(bad, { rows })).rejects.toMatchObject(lost);
      await expect(program.run({ ids: Int32Array.of(2, 0) }, { rows })).rejects.toMatchObject(lost);
      await expect(state.snapshot({ w })).rejects.toMatchObject(lost);
      state.dispose();
      engine.dispose();
    });
  },
);

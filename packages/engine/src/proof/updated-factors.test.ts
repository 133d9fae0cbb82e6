import { env as environment } from 'node:process';
import { describe, expect, it } from 'vitest';
import type { Engine, Executable } from '../engine.js';
import { isEngine, loadEngine } from '../load-engine.js';
import { loadOnnx } from '../onnx/onnx-engine.js';
import { testTensorflow } from '../setup/tensorflow-test-addon.js';
import { testCacheFolder as cacheFolder } from '../setup/test-libraries.js';
import { testXlaPlugin } from '../setup/xla-test-plugin.js';
import type { HostBuffer } from '../graph-types.js';
import { proveEngine } from './prove-engine.js';
import { updatedOnDevice, updatedOnHost } from './updated-factors.js';

const options = { threads: 2, precision: 'f32' } as const;
const ofHash = /^[\da-f]{16,}$/;

async function onnx(): Promise<Engine> {
  const engine = await loadOnnx();
  if (!isEngine(engine)) throw new Error(engine.reason);
  return engine;
}

/** Computes as the engine does, by what a buffer held when it came first: the fault of kernels that pack factors once. */
function withPackedFactors(engine: Engine): Engine {
  const remembering = (executable: Executable): Executable => {
    const packed = new Map<HostBuffer, HostBuffer>();
    const asFirstSeen = (buffer: HostBuffer): HostBuffer => {
      const known = packed.get(buffer) ?? buffer.slice();
      packed.set(buffer, known);
      return known;
    };
    return {
      inputs: executable.inputs,
      outputs: executable.outputs,
      run: (inputs, outputs) =>
        executable.run(
          Object.fromEntries(
            Object.entries(inputs).map(([name, buffer]) => [name, asFirstSeen(buffer)]),
          ),
          outputs,
        ),
      dispose: () => executable.dispose(),
    };
  };
  return { ...engine, compile: async (...of) => remembering(await engine.compile(...of)) };
}

describe('products by a factor that is updated in place', () => {
  it('follow it on onnxruntime', async () => {
    expect(await updatedOnHost(await onnx(), options)).toMatch(ofHash);
  });

  it('are found out where a kernel keeps factors as they were first, and the engine is refused', async () => {
    const engine = withPackedFactors(await onnx());
    const measured = await updatedOnHost(engine, options);
    expect(measured).toMatch(/^differ: 49152 of 49152 forward ones do not follow a parameter/);
    const proof = await proveEngine({
      forms: ['f32'],
      threads: [1],
      measure: async () => ({ 'products by updated factors': measured }),
    });
    expect(proof).toMatchObject({
      state: 'refused',
      reason: expect.stringMatching(/^products by updated factors differ: /) as unknown,
    });
  });

  it.for(['xla', 'tensorflow'] as const)(
    'follow it on the device of %s',
    { timeout: 180_000 },
    async (name, { skip }) => {
      const { skipReason } =
        name === 'xla' ? await testXlaPlugin(environment) : await testTensorflow();
      if (skipReason !== undefined) skip(skipReason);
      const { init } = await loadEngine(name, {
        cacheFolder,
        environment,
        threads: 2,
        platform: 'cpu',
      });
      if (init === undefined) throw new Error(`${name} without state on its device`);
      expect(await updatedOnDevice({ init }, options)).toMatch(ofHash);
    },
  );
});

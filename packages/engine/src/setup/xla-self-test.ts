/** A freshly fetched plugin must compute something right before it counts as set up. */
import { MicrotuneError } from '@microtune/shared';
import { GraphBuilder } from '../graph/graph-builder.js';
import type { NativeEnvironment } from '../xla/native-environment.js';
import { PjrtPlugin } from '../xla/pjrt/plugin.js';
import type { XlaPlugin } from '../xla/xla-compiler.js';
import { loadXla } from '../xla/xla-engine.js';
import type { XlaEngine } from '../xla/xla-engine.js';

/**
 * Loads a plugin and runs a graph of one product. A CUDA plugin that loads and finds no GPU is accepted: a machine
 * without one may prepare the set-up of another.
 * @returns `passed`, or why it could not compute here
 * @throws MicrotuneError `data` when it does not load or computes something else
 */
export async function selfTestXla(
  plugin: XlaPlugin,
  environment: NativeEnvironment,
): Promise<string> {
  const engine = await loadXla({ plugin, environment, cacheFolder: undefined });
  if ('compile' in engine) {
    await checkProduct(engine).finally(() => {
      engine.dispose();
    });
    return 'passed';
  }
  if (plugin.platform === 'cuda' && loads(plugin)) return engine.reason;
  throw new MicrotuneError('data', `the plugin of the wheel does not load here: ${engine.reason}`);
}

function loads({ file }: XlaPlugin): boolean {
  try {
    return new PjrtPlugin(file).apiVersion !== '';
  } catch (error) {
    if (error instanceof MicrotuneError) return false;
    throw error;
  }
}

async function checkProduct(engine: XlaEngine): Promise<void> {
  const build = new GraphBuilder();
  const inputs = [build.input('left', [2, 3], 'float32'), build.input('right', [3, 2], 'float32')];
  const value = build.add('matMul', inputs, { transposeA: false, transposeB: false, alpha: 1 });
  const executable = await engine.compile(build.finish({ product: value }), {
    threads: 1,
    precision: 'f32',
  });
  const product = new Float32Array(4);
  const left = Float32Array.of(1, 2, 3, 4, 5, 6);
  const right = Float32Array.of(1, 0, 0, 1, 1, 1);
  await executable.run({ left, right }, { product }).finally(() => {
    executable.dispose();
  });
  const expected = [4, 5, 10, 11];
  if (expected.every((each, index) => product[index] === each)) return;
  throw new MicrotuneError(
    'data',
    `XLA computes [${product.join(', ')}] instead of [${expected.join(', ')}] here`,
  );
}

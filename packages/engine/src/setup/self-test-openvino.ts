/** Freshly fetched libraries must compute something right before they count as set up. */
import { MicrotuneError } from '@microtune/shared';
import type { Executable } from '../engine.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import { loadOpenvino } from '../openvino/engine.js';

/**
 * Loads the libraries of a folder and runs a graph of one product.
 * @throws MicrotuneError `data` when they do not load or compute something else
 */
export async function selfTestOpenvino(librariesFolder: string): Promise<void> {
  const engine = await loadOpenvino({ librariesFolder });
  if ('reason' in engine) {
    throw new MicrotuneError(
      'data',
      `the libraries of the wheel do not load here: ${engine.reason}`,
    );
  }
  try {
    const executable = await engine.compile(productGraph(), { threads: 1, precision: 'f32' });
    try {
      await checkProduct(executable);
    } finally {
      executable.dispose();
    }
  } finally {
    engine.dispose();
  }
}

function productGraph() {
  const builder = new GraphBuilder();
  const left = builder.input('left', [2, 3], 'float32');
  const right = builder.input('right', [3, 2], 'float32');
  const product = builder.add('matMul', [left, right], {
    transposeA: false,
    transposeB: false,
    alpha: 1,
  });
  return builder.finish({ product });
}

async function checkProduct(executable: Executable): Promise<void> {
  const product = new Float32Array(4);
  const left = Float32Array.of(1, 2, 3, 4, 5, 6);
  const right = Float32Array.of(1, 0, 0, 1, 1, 1);
  await executable.run({ left, right }, { product });
  const expected = [4, 5, 10, 11];
  if (expected.every((value, index) => product[index] === value)) return;
  throw new MicrotuneError(
    'data',
    `OpenVINO computes [${product.join(', ')}] instead of [${expected.join(', ')}] here`,
  );
}

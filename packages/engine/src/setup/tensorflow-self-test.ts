/**
 * A freshly built addon must compute something right before it counts as set up. It is tried in a process of its own:
 * a library that does not fit the machine may end the process that loads it.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MicrotuneError } from '@microtune/shared';
import { GraphBuilder } from '../graph/graph-builder.js';
import { toSavedModel } from '../tensorflow/to-saved-model.js';
import type { ProcessRunner } from './process-runner.js';

/** Arguments: the addon's file, the graph's folder. Feeds both inputs with 1 to 6 and prints the output as JSON. */
const script = `
  const [addonFile, folder] = process.argv.slice(1);
  const binding = require(addonFile);
  const values = Float32Array.of(1, 2, 3, 4, 5, 6);
  const inputs = [[2, 3], [3, 2]].map((shape) => binding.createTensor(shape, 1, values));
  const graph = binding.loadSavedModel(folder, 'serve');
  const [{ id }] = binding.runSavedModel(graph, inputs, 'in0:0,in1:0', 'out0:0');
  const output = Array.from(binding.tensorDataSync(id));
  process.stdout.write(JSON.stringify({ version: binding.TF_Version, output }) + '\\n');
`;
const expected = [22, 28, 49, 64];

/**
 * Runs a graph of one product in a child process. `folder` takes the graph's file for the while.
 * @returns the version that the library says it is
 * @throws MicrotuneError `data` when the addon does not load or computes something else
 */
export async function selfTestTensorflow(
  run: ProcessRunner,
  { addonFile, folder }: { readonly addonFile: string; readonly folder: string },
): Promise<string> {
  const options = { precision: 'f32', floatsAsInt32: false } as const;
  const graphFile = join(folder, 'saved_model.pb');
  await writeFile(graphFile, toSavedModel(productGraph(), options));
  const result = await run(process.execPath, ['-e', script, addonFile, folder]);
  await rm(graphFile);
  const last = result.stdout.trim().split('\n').at(-1) ?? '';
  if (result.exitCode !== 0 || last === '') {
    const error = result.stderr.split('\n').find((line) => /error/i.test(line));
    throw new MicrotuneError(
      'data',
      `the addon does not work here: ${error?.trim() ?? `exit code ${String(result.exitCode)}`}`,
    );
  }
  const { version, output } = JSON.parse(last) as { version: string; output: number[] };
  if (expected.every((value, index) => output[index] === value)) return version;
  throw new MicrotuneError(
    'data',
    `TensorFlow computes [${output.join(', ')}] instead of [${expected.join(', ')}] here`,
  );
}

function productGraph() {
  const build = new GraphBuilder();
  const left = build.input('left', [2, 3], 'float32');
  const right = build.input('right', [3, 2], 'float32');
  const plain = { transposeA: false, transposeB: false, alpha: 1 };
  return build.finish({ product: build.add('matMul', [left, right], plain) });
}

/** The engine over OpenVINO's CPU plugin: the graph as ONNX bytes, run from the folder that `setup openvino` made. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MicrotuneError, messageOf } from '@microtune/shared';
import type { ByteCompiler, Engine, EngineUnavailable } from '../engine.js';
import { borderOf } from '../graph/border-of.js';
import { setupCommand } from '../setup/setup-command.js';
import { OpenvinoCompiler } from './compiler.js';
import { ModelCache } from './model-cache.js';

export interface OpenvinoOptions {
  /** Of a ready `openvinoStatus`. */
  readonly librariesFolder: string;
}

/**
 * Loads OpenVINO, or says why it cannot be loaded; never rejects.
 * Graphs compiled before are kept in `compiled/` of the same folder, where it can be written.
 * Executables run off the main thread, read and write the caller's buffers, and give the same bits for any number of threads.
 */
export async function loadOpenvino({
  librariesFolder,
}: OpenvinoOptions): Promise<Engine | EngineUnavailable> {
  const unavailable = (reason: string): EngineUnavailable => ({
    name: 'openvino',
    reason,
    remedy: setupCommand('openvino'),
  });
  try {
    const cache = new ModelCache(join(librariesFolder, 'compiled'));
    return engineOf(new OpenvinoCompiler(await findCLibrary(librariesFolder), cache));
  } catch (error) {
    return unavailable(messageOf(error));
  }
}

function engineOf(compiler: OpenvinoCompiler): Engine {
  const { version, device, precisions } = compiler;
  const byBytes: ByteCompiler = {
    // Loaded when a graph is lowered: one that was kept needs neither it nor tfjs.
    lower: async (graph, { precision, bfloat16Inputs = [] }) => {
      const { toOnnx } = await import('../onnx/to-onnx.js');
      const halved = new Set(bfloat16Inputs);
      const { inputs, outputs } = borderOf(graph);
      return {
        bytes: toOnnx(graph, { dialect: 'openvino', precision, bfloat16Inputs: halved }),
        inputs: inputs.map((spec) =>
          halved.has(spec.name) ? { ...spec, isBfloat16: true } : spec,
        ),
        outputs,
      };
    },
    compile: (lowered, options) => compiler.compile(lowered, options),
  };
  return {
    name: 'openvino',
    version,
    device,
    precisions,
    compile: async (graph, options) =>
      byBytes.compile(await byBytes.lower(graph, options), options),
    byBytes,
    takesBfloat16: true,
    dispose: () => {
      compiler.dispose();
    },
  };
}

/** The C API is the library with the version in its name. */
async function findCLibrary(folder: string): Promise<string> {
  const name = (await readdir(folder)).find((file) => /^libopenvino_c\.so\.\d+$/.test(file));
  if (name !== undefined) return join(folder, name);
  throw new MicrotuneError('usage', `${folder} holds no libopenvino_c.so`);
}

/**
 * The engine over TensorFlow: the graph as a SavedModel in a session of @tensorflow/tfjs-node-gpu's addon, built by
 * `setup tensorflow` against the library of a current TensorFlow wheel.
 */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { messageOf } from '@microtune/shared';
import type { Engine, EngineUnavailable } from '../engine.js';
import { askCudaDriver } from '../cuda/cuda-driver.js';
import { whyNoGpu } from '../cuda/explain-no-gpu.js';
import type { ResidentEngine } from '../resident/resident.js';
import { setupCommand } from '../setup/setup-command.js';
import type { NativeEnvironment } from '../xla/native-environment.js';
import { bf16OnCpu } from './bf16-on-cpu.js';
import type { TensorflowBinding } from './binding.js';
import { compileGraph } from './compile-graph.js';
import { loadUnder } from './environment.js';
import type { TensorflowSettings } from './environment.js';
import type { ProductPrecision } from './matmul-lowering.js';
import { TensorflowState } from './resident-state.js';

/** CUDA 12.5, as 1000 x major + 10 x minor: what the wheel was built with. */
const builtForCuda = 12_050;

export interface TensorflowOptions extends TensorflowSettings {
  /** Of a ready `tensorflowStatus`. */
  readonly addonFile: string;
  /** process.env, which TensorFlow reads while it loads. */
  readonly environment: NativeEnvironment;
  /** How products in bf16 are multiplied. @default the fastest form, on a CPU that of its flags */
  readonly products?: ProductPrecision | undefined;
}

export interface TensorflowEngine extends Omit<Engine, 'init'>, ResidentEngine {}

/**
 * Loads TensorFlow, or says why it cannot be loaded; never rejects. One process holds one TensorFlow: `threads` and the
 * device are fixed by the first load, and `threads` of CompileOptions changes nothing. Executables compute on the
 * calling thread, so timers and sockets of the process stand still while one runs; they give the same bits for any
 * number of threads.
 */
export async function loadTensorflow(
  options: TensorflowOptions,
): Promise<TensorflowEngine | EngineUnavailable> {
  const { addonFile, platform, environment } = options;
  const unavailable = (reason: string): EngineUnavailable => ({
    name: 'tensorflow',
    reason,
    remedy: setupCommand('tensorflow', platform),
  });
  if (!existsSync(addonFile)) return unavailable(`${addonFile} does not exist`);
  try {
    const binding = loadUnder(addonFile, options, environment);
    if (platform === 'cuda' && !binding.isUsingGpuDevice())
      return { ...unavailable(noGpu()), remedy: undefined };
    return engineOver(binding, options.products);
  } catch (error) {
    return unavailable(messageOf(error));
  }
}

/** TensorFlow itself says nothing but that there is none. */
function noGpu(): string {
  const driver = askCudaDriver();
  const why =
    driver.devices.length === 0
      ? whyNoGpu(driver, builtForCuda)
      : `the driver shows ${String(driver.devices.length)}, so a library of CUDA is missing or does not fit it`;
  return `TensorFlow finds no GPU here: ${why}`;
}

function engineOver(
  binding: TensorflowBinding,
  products: ProductPrecision | undefined,
): TensorflowEngine {
  const onGpu = binding.isUsingGpuDevice();
  const bf16 = products ?? (onGpu ? 'bf16' : bf16OnCpu());
  return {
    name: 'tensorflow',
    version: binding.TF_Version,
    device: onGpu ? 'gpu' : (cpus()[0]?.model ?? 'cpu'),
    precisions: ['f32', 'bf16'],
    compile: async (graph, { precision }) =>
      compileGraph(binding, graph, {
        precision: precision === 'bf16' ? bf16 : precision,
        floatsAsInt32: onGpu,
        addsInAnyOrder: onGpu,
      }),
    compileFirst: 'all',
    init: async (tensors) =>
      new TensorflowState(binding, tensors, { floatsAsInt32: onGpu, addsInAnyOrder: onGpu, bf16 }),
    dispose: () => {},
  };
}

/**
 * What TensorFlow and the addon can be told: environment variables alone, read once when the addon is loaded (the addon
 * passes no ConfigProto). They belong to the process, so they are set here for the load and put back after it.
 *
 * Kernels run one after another, each with so many threads that their number changes no bit of a result
 * (docs/decisions/0006-tensorflow-engine.md).
 */
import type { NativeEnvironment } from '../xla/native-environment.js';
import { withVariables } from '../xla/native-environment.js';
import type { XlaPlatform } from '../xla/platform.js';
import { loadBinding } from './binding.js';
import type { TensorflowBinding } from './binding.js';

export interface TensorflowSettings {
  /** Threads of every kernel; on a CPU no more than two are used. */
  readonly threads: number;
  /** What the library was set up for. */
  readonly platform: XlaPlatform;
  /** Lets a GPU multiply float32 matrices with 10 bits of mantissa. @default false */
  readonly tf32?: boolean | undefined;
}

/**
 * With one thread and with two, every kernel adds in the same order; from three on, batched products without AVX-512 split
 * their sums.
 */
export const mostThreadsOnCpu = 2;

/** The settings as TensorFlow reads them. */
export function tensorflowVariables({
  threads,
  platform,
  tf32,
}: TensorflowSettings): Record<string, string> {
  return {
    TF_NUM_INTRAOP_THREADS: String(
      platform === 'cpu' ? Math.min(threads, mostThreadsOnCpu) : threads,
    ),
    TF_NUM_INTEROP_THREADS: '1',
    // TensorFlow's own products, the default on CPUs without AVX-512, split their sums among threads.
    TF_ENABLE_ONEDNN_OPTS: '1',
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    NVIDIA_TF32_OVERRIDE: tf32 === true ? '1' : '0',
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    // TensorFlow tells its life on standard error; errors still come.
    TF_CPP_MIN_LOG_LEVEL: '2',
  };
}

/** Loads the addon under these settings. @throws what the loader says when a library is missing or of another kind */
export function loadUnder(
  addonFile: string,
  settings: TensorflowSettings,
  environment: NativeEnvironment,
): TensorflowBinding {
  return withVariables(environment, tensorflowVariables(settings), () => loadBinding(addonFile));
}

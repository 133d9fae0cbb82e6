/**
 * What TensorFlow and the addon can be told: environment variables alone, read once when the addon is loaded (the addon
 * passes no ConfigProto). They belong to the process, so they are set here for the load and put back after it.
 *
 * Threads: `threads` is how many one kernel uses, and kernels run one after another. The lowerings avoid the few kernels
 * that split a sum by the number of threads (docs/decisions/0006-tensorflow-engine.md).
 */
import type { NativeEnvironment } from '../xla/native-environment.js';
import { withVariables } from '../xla/native-environment.js';
import { loadBinding } from './binding.js';
import type { TensorflowBinding } from './binding.js';

export interface TensorflowSettings {
  /** Threads of every kernel. */
  readonly threads: number;
  /** Lets a GPU multiply float32 matrices with 10 bits of mantissa. @default false */
  readonly tf32?: boolean | undefined;
}

/** Loads the addon under these settings. @throws what the loader says when a library is missing or of another kind */
export function loadUnder(
  addonFile: string,
  settings: TensorflowSettings,
  environment: NativeEnvironment,
): TensorflowBinding {
  const variables = {
    TF_NUM_INTRAOP_THREADS: String(settings.threads),
    TF_NUM_INTEROP_THREADS: '1',
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    NVIDIA_TF32_OVERRIDE: settings.tf32 === true ? '1' : '0',
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    // TensorFlow tells its life on standard error; errors still come.
    TF_CPP_MIN_LOG_LEVEL: '2',
  };
  return withVariables(environment, variables, () => loadBinding(addonFile));
}

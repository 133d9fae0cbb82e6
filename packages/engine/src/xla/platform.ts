/** What differs between the platforms that a plugin can be for: variables, options of the client, of the compiler. */
import type { NamedValues } from './pjrt/named-values.js';
import type { DebugOptions } from './pjrt/compile-options.js';

export type XlaPlatform = 'cpu' | 'cuda';

export interface DeviceOptions {
  /** Device number on the platform, e.g. 1 of `cuda:1`. */
  readonly ordinal: number;
  /** Share of the GPU's memory that this process may take. @default 0.9 */
  readonly memoryFraction?: number | undefined;
}

const defaultMemoryFraction = 0.9;

/**
 * Threads of XLA's CPU pool, whatever number is asked for: its float32 products cut their sums by the size of the pool,
 * so that another size gives other bits, and workers with unequal shares of a machine must not differ. Measured for
 * pools of 1, 2, 3, 4 and 8 in docs/decisions/0005-xla-through-pjrt.md.
 */
export const cpuPoolThreads = 4;

/** What the plugin reads from the environment when it is loaded and when its client is made. */
export function nativeVariables(platform: XlaPlatform): Readonly<Record<string, string>> {
  // XLA's own log goes to the standard error output; only its errors belong there.
  const quiet = { TF_CPP_MIN_LOG_LEVEL: '2' };
  return platform === 'cpu' ? { ...quiet, NPROC: String(cpuPoolThreads) } : quiet;
}

/** One device, and its memory taken as needed: another process may share the card. */
export function clientOptions(
  platform: XlaPlatform,
  { ordinal, memoryFraction }: DeviceOptions,
): NamedValues {
  if (platform === 'cpu') return { cpu_device_count: 1n };
  return {
    allocator: 'default',
    preallocate: false,
    memory_fraction: memoryFraction ?? defaultMemoryFraction,
    visible_devices: [BigInt(ordinal)],
  };
}

/**
 * What makes two processes compile and run the same program to the same bits. On GPUs that forbids atomic additions and
 * choosing kernels by timing them; Triton's products have no configuration but a timed one, so cuBLAS does them all.
 * @param cudaFolder CUDA libraries and tools beside the plugin, where they are
 */
export function debugOptions(platform: XlaPlatform, cudaFolder: string | undefined): DebugOptions {
  // XNNPACK packs the factors of products once and keeps them by their address: parameters updated in place would be
  // multiplied as they were in the first step (docs/decisions/0013).
  if (platform === 'cpu') return { xla_cpu_use_xnnpack: false };
  return {
    xla_gpu_deterministic_ops: true,
    xla_gpu_autotune_level: 0,
    xla_gpu_enable_triton_gemm: false,
    ...(cudaFolder === undefined ? {} : { xla_gpu_cuda_data_dir: cudaFolder }),
  };
}

/** What differs between the platforms that a plugin can be for: options of the client and of the compiler. */
import type { NamedValues } from './pjrt/named-values.js';
import type { DebugOptions } from './pjrt/compile-options.js';

export type XlaPlatform = 'cpu' | 'cuda';

export interface DeviceOptions {
  /** Device number on the platform, e.g. 1 of `cuda:1`. */
  readonly ordinal: number;
  /** Share of the GPU's memory that this process may take. @default 0.9 */
  readonly memoryFraction?: number;
}

const defaultMemoryFraction = 0.9;

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
 * What makes two processes compile and run the same program to the same bits. On GPUs that forbids choosing kernels by
 * timing them, and atomic additions.
 * @param cudaFolder CUDA libraries and tools beside the plugin, where they are
 */
export function debugOptions(platform: XlaPlatform, cudaFolder: string | undefined): DebugOptions {
  if (platform === 'cpu') return {};
  return {
    xla_gpu_deterministic_ops: true,
    xla_gpu_autotune_level: 0,
    ...(cudaFolder === undefined ? {} : { xla_gpu_cuda_data_dir: cudaFolder }),
  };
}

/**
 * A worker sees exactly the device it was given: the variables are read by CUDA, its libraries and TensorFlow, and by
 * nothing later than the first call, so they belong to the process from its start.
 */
import type { Gpu } from '@microtune/engine';

type Variables = Readonly<Record<string, string | undefined>>;

/** Same input, same bits: no atomic additions, no kernels chosen by timing, cuBLAS with a workspace of fixed size. */
const deterministic: Variables = {
  TF_DETERMINISTIC_OPS: '1',
  TF_CUDNN_USE_AUTOTUNE: '0',
  CUBLAS_WORKSPACE_CONFIG: ':4096:8',
};

/**
 * The environment of a worker on a card, or on the CPU, where it sees no card at all.
 * @param options.tf32 what `--tf32` says; NVIDIA's libraries know only how to forbid it
 */
export function pinnedEnvironment(
  environment: Variables,
  { gpu, tf32 }: { readonly gpu: Gpu | undefined; readonly tf32: boolean },
): Variables {
  if (gpu === undefined) return { ...environment, CUDA_VISIBLE_DEVICES: '-1' };
  return {
    ...environment,
    ...deterministic,
    CUDA_VISIBLE_DEVICES: gpu.uuid,
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    NVIDIA_TF32_OVERRIDE: tf32 ? undefined : '0',
  };
}

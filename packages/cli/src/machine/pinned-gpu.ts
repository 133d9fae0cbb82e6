/** The one card that a worker's process sees, looked at from inside: proof that it was pinned. */
import { findGpus } from '@microtune/engine/find-gpus';
import { MicrotuneError, type GpuInfo } from '@microtune/shared';

/**
 * @param name `cuda:N` among the devices of the run
 * @param variables process.env of the worker
 * @throws MicrotuneError `transient` when it sees no card, or more than its own
 */
export function pinnedGpu(name: string, variables: NodeJS.ProcessEnv): GpuInfo {
  const { gpus, driverVersion, cudaVersion, reason } = findGpus(variables);
  const [gpu, ...others] = gpus;
  if (gpu === undefined || others.length > 0) {
    throw new MicrotuneError(
      'transient',
      `${name} (CUDA_VISIBLE_DEVICES ${variables['CUDA_VISIBLE_DEVICES'] ?? 'not set'}): this worker sees ` +
        `${gpus.length} cards instead of its own${reason === undefined ? '' : `: ${reason}`}`,
    );
  }
  const { uuid, pciBusId, memoryBytes } = gpu;
  return { name, uuid, pciBusId, memoryBytes, driverVersion, cudaVersion: cudaVersion ?? '' };
}

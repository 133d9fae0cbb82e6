/** Why the CUDA plugin finds no GPU: the driver is missing, too old, does not start, or shows no device. */
import { MicrotuneError } from '@microtune/shared';
import { driverLibrary, type CudaDriver } from './cuda-driver.js';
import { dottedCudaVersion } from './cuda-version.js';

/** First driver series of each CUDA major release, from NVIDIA's compatibility table. */
const firstDrivers: Readonly<Record<number, string>> = { 12: '525', 13: '580' };

/** No set-up helps: the machine lacks a driver or a card, and the message says which. */
export class NoGpuError extends MicrotuneError {}

/**
 * What to tell the user when a client finds no GPU.
 * @param neededVersion CUDA version of the plugin, as 1000 x major + 10 x minor
 * @param detail what the plugin said
 */
export function explainNoGpu(
  driver: CudaDriver,
  neededVersion: number | undefined,
  detail: string,
): NoGpuError {
  return new NoGpuError(
    'usage',
    `the CUDA plugin finds no GPU here: ${whyNoGpu(driver, neededVersion)} (XLA: ${detail})`,
  );
}

/** Why a driver shows no device. */
export function explainDriver({ cudaVersion, problem }: CudaDriver): string {
  if (cudaVersion === undefined) return `the NVIDIA driver (${driverLibrary}) is not installed`;
  const driver = `the NVIDIA driver (CUDA ${dottedCudaVersion(cudaVersion)})`;
  if (problem !== undefined && problem !== 'CUDA_ERROR_NO_DEVICE')
    return `${driver} does not start: ${problem}`;
  return `${driver} shows no device: is CUDA_VISIBLE_DEVICES right, is the GPU passed to this container?`;
}

/** Why programs made for a version of CUDA (1000 x major + 10 x minor) find no GPU. */
export function whyNoGpu(driver: CudaDriver, neededVersion: number | undefined): string {
  const { cudaVersion } = driver;
  const needed = neededVersion === undefined ? '' : needs(neededVersion);
  if (cudaVersion === undefined)
    return `${explainDriver(driver)}${needed && `; the plugin needs ${needed}`}`;
  if (
    neededVersion !== undefined &&
    Math.floor(cudaVersion / 1000) < Math.floor(neededVersion / 1000)
  ) {
    return `the NVIDIA driver is too old: it runs CUDA ${dottedCudaVersion(cudaVersion)}, the plugin needs ${needed}`;
  }
  return explainDriver(driver);
}

function needs(version: number): string {
  const driver = firstDrivers[Math.floor(version / 1000)];
  return `CUDA ${dottedCudaVersion(version)}${driver === undefined ? '' : `, driver ${driver} or newer`}`;
}

/** Why the CUDA plugin finds no GPU: the driver is missing, too old, or shows no device. */
import { MicrotuneError } from '@microtune/shared';
import koffi from 'koffi';

export interface CudaDriver {
  /** The newest CUDA it runs, as 1000 x major + 10 x minor; undefined when no driver is installed. */
  readonly cudaVersion: number | undefined;
}

const driverLibrary = 'libcuda.so.1';
/** First driver series of each CUDA major release, from NVIDIA's compatibility table. */
const firstDrivers: Readonly<Record<number, string>> = { 12: '525', 13: '580' };

/** Asks the driver, if there is one. */
export function findCudaDriver(): CudaDriver {
  try {
    const version: [number] = [0];
    const ask = koffi.load(driverLibrary).func('int cuDriverGetVersion(_Out_ int *version)') as (
      version: [number],
    ) => number;
    return { cudaVersion: ask(version) === 0 ? version[0] : undefined };
  } catch {
    return { cudaVersion: undefined };
  }
}

/**
 * What to tell the user when a client finds no GPU.
 * @param neededVersion CUDA version of the plugin, as 1000 x major + 10 x minor
 * @param detail what the plugin said
 */
export function explainNoGpu(
  driver: CudaDriver,
  neededVersion: number | undefined,
  detail: string,
): MicrotuneError {
  return new MicrotuneError(
    'usage',
    `the CUDA plugin finds no GPU here: ${cause(driver, neededVersion)} (XLA: ${detail})`,
  );
}

function cause({ cudaVersion }: CudaDriver, neededVersion: number | undefined): string {
  const needed = neededVersion === undefined ? '' : needs(neededVersion);
  if (cudaVersion === undefined) {
    return `the NVIDIA driver (${driverLibrary}) is not installed${needed && `; the plugin needs ${needed}`}`;
  }
  if (
    neededVersion !== undefined &&
    Math.floor(cudaVersion / 1000) < Math.floor(neededVersion / 1000)
  ) {
    return `the NVIDIA driver is too old: it runs CUDA ${dotted(cudaVersion)}, the plugin needs ${needed}`;
  }
  return `the NVIDIA driver (CUDA ${dotted(cudaVersion)}) shows no device: is CUDA_VISIBLE_DEVICES right, is the GPU passed to this container?`;
}

function needs(version: number): string {
  const driver = firstDrivers[Math.floor(version / 1000)];
  return `CUDA ${dotted(version)}${driver === undefined ? '' : `, driver ${driver} or newer`}`;
}

function dotted(version: number): string {
  return `${String(Math.floor(version / 1000))}.${String(Math.floor((version % 1000) / 10))}`;
}

/** The GPUs that this process may use, with what a user wants to know of them; or why there are none. */
import { withVariables, type NativeEnvironment } from '../xla/native-environment.js';
import { askCudaDriver, type CudaDevice } from './cuda-driver.js';
import { dottedCudaVersion } from './cuda-version.js';
import { explainDriver } from './explain-no-gpu.js';
import { askNvml } from './nvml.js';

export interface Gpu extends CudaDevice {
  /** Undefined where NVML is missing. */
  readonly freeMemoryBytes: number | undefined;
}

export interface GpuFindings {
  readonly gpus: readonly Gpu[];
  /** e.g. `580.65.06`; undefined when no driver is installed, or it does not tell. */
  readonly driverVersion: string | undefined;
  /** The newest CUDA that the driver runs, e.g. `13.0`. */
  readonly cudaVersion: string | undefined;
  /** Why there is no GPU; undefined when there is one. */
  readonly reason: string | undefined;
}

/** Libraries other than the system's, for tests. */
export interface GpuSources {
  readonly cudaLibrary?: string;
  readonly nvmlLibrary?: string;
}

/**
 * Lists the devices that CUDA_VISIBLE_DEVICES leaves, in PCI order.
 * @param environment process.env: the driver reads it when it is started, once in a process
 */
export function findGpus(environment: NativeEnvironment, sources: GpuSources = {}): GpuFindings {
  const order = environment['CUDA_DEVICE_ORDER'] ?? 'PCI_BUS_ID';
  const driver = withVariables(environment, { CUDA_DEVICE_ORDER: order }, () =>
    askCudaDriver(sources.cudaLibrary),
  );
  const { cudaVersion, devices } = driver;
  const nvml =
    cudaVersion === undefined
      ? undefined
      : askNvml(
          devices.map(({ uuid }) => uuid),
          sources.nvmlLibrary === undefined ? {} : { library: sources.nvmlLibrary },
        );
  return {
    gpus: devices.map((device) => ({
      ...device,
      freeMemoryBytes: nvml?.freeMemoryBytes.get(device.uuid),
    })),
    driverVersion: nvml?.driverVersion,
    cudaVersion: cudaVersion === undefined ? undefined : dottedCudaVersion(cudaVersion),
    reason: devices.length > 0 ? undefined : explainDriver(driver),
  };
}

/**
 * NVIDIA's driver as CUDA programs see it: libcuda through koffi. It is there wherever CUDA can run, also in containers
 * without nvidia-smi, and it obeys CUDA_VISIBLE_DEVICES, so that `cuda:0` here is what every other CUDA program calls
 * `cuda:0`. No context is made: listing takes no memory on a card.
 * Source: CUDA Driver API reference (cuda.h).
 */
import { loadLibrary } from '@microtune/shared/native';

export interface CudaDevice {
  /** N of `cuda:N`, in PCI order. */
  readonly ordinal: number;
  /** e.g. `NVIDIA H200`. */
  readonly name: string;
  /** As CUDA_VISIBLE_DEVICES takes it: `GPU-…`, or `MIG-…` for a slice of a card. */
  readonly uuid: string;
  /** e.g. `0000:3b:00.0`. */
  readonly pciBusId: string;
  readonly memoryBytes: number;
  /** e.g. `9.0`. */
  readonly computeCapability: string;
}

export interface CudaDriver {
  /** The newest CUDA it runs, as 1000 x major + 10 x minor; undefined when no driver is installed. */
  readonly cudaVersion: number | undefined;
  readonly devices: readonly CudaDevice[];
  /** What the driver answered when it was started, e.g. `CUDA_ERROR_NO_DEVICE`; undefined when it started. */
  readonly problem: string | undefined;
}

export const driverLibrary = 'libcuda.so.1';

const noDriver: CudaDriver = { cudaVersion: undefined, devices: [], problem: undefined };
const success = 0;
/** CUdevice_attribute. */
const capabilityMajor = 75;
const capabilityMinor = 76;
const textBytes = 256;
const uuidBytes = 16;

/** Asks the driver, if there is one. Never throws for what it answers. @param library name or path of libcuda */
export function askCudaDriver(library = driverLibrary): CudaDriver {
  const api = bind(library);
  if (api === undefined) return noDriver;
  const version: [number] = [0];
  const cudaVersion = api.driverVersion(version) === success ? version[0] : undefined;
  const status = api.init(0);
  if (status !== success) return { cudaVersion, devices: [], problem: nameOfStatus(api, status) };
  const count: [number] = [0];
  api.deviceCount(count);
  const devices = Array.from({ length: count[0] }, (_, ordinal) => describe(api, ordinal));
  return { cudaVersion, devices, problem: undefined };
}

type Api = NonNullable<ReturnType<typeof bind>>;

function bind(library: string) {
  try {
    const { func } = loadLibrary(library);
    type Status<Args extends unknown[]> = (...args: Args) => number;
    return {
      driverVersion: func('int cuDriverGetVersion(_Out_ int *version)') as Status<[[number]]>,
      init: func('int cuInit(unsigned int flags)') as Status<[number]>,
      deviceCount: func('int cuDeviceGetCount(_Out_ int *count)') as Status<[[number]]>,
      device: func('int cuDeviceGet(_Out_ int *device, int ordinal)') as Status<[[number], number]>,
      name: func('int cuDeviceGetName(_Out_ char *name, int length, int device)') as Status<
        [Buffer, number, number]
      >,
      uuid: func('int cuDeviceGetUuid_v2(_Out_ uint8_t *uuid, int device)') as Status<
        [Buffer, number]
      >,
      memory: func('int cuDeviceTotalMem_v2(_Out_ size_t *bytes, int device)') as Status<
        [[number | bigint], number]
      >,
      busId: func('int cuDeviceGetPCIBusId(_Out_ char *id, int length, int device)') as Status<
        [Buffer, number, number]
      >,
      attribute: func(
        'int cuDeviceGetAttribute(_Out_ int *value, int attribute, int device)',
      ) as Status<[[number], number, number]>,
      errorName: func('int cuGetErrorName(int status, _Out_ const char **name)') as Status<
        [number, [string | null]]
      >,
    };
  } catch {
    return undefined;
  }
}

function describe(api: Api, ordinal: number): CudaDevice {
  const handle: [number] = [0];
  api.device(handle, ordinal);
  const device = handle[0];
  const text = (ask: (into: Buffer) => number): string => {
    const into = Buffer.alloc(textBytes);
    return ask(into) === success ? into.toString('utf8', 0, into.indexOf(0)) : '';
  };
  const attribute = (number: number): number => {
    const value: [number] = [0];
    return api.attribute(value, number, device) === success ? value[0] : 0;
  };
  const memory: [number | bigint] = [0];
  api.memory(memory, device);
  const uuid = Buffer.alloc(uuidBytes);
  api.uuid(uuid, device);
  const name = text((into) => api.name(into, textBytes, device));
  return {
    ordinal,
    name,
    // The driver tells 16 bytes; only the name says that they are those of a slice.
    uuid: `${/\bMIG\b/.test(name) ? 'MIG' : 'GPU'}-${dashed(uuid.toString('hex'))}`,
    pciBusId: text((into) => api.busId(into, textBytes, device)).toLowerCase(),
    memoryBytes: Number(memory[0]),
    computeCapability: `${String(attribute(capabilityMajor))}.${String(attribute(capabilityMinor))}`,
  };
}

function nameOfStatus(api: Api, status: number): string {
  const name: [string | null] = [null];
  return api.errorName(status, name) === success && name[0] !== null
    ? name[0]
    : `CUDA error ${String(status)}`;
}

function dashed(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

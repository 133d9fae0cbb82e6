/**
 * What libcuda does not tell without taking a card's memory: the driver's version and how much memory is free. NVML
 * comes with the driver, but not into every container; then the kernel module tells the version.
 * Source: NVML API reference (nvml.h).
 */
import { readFileSync } from 'node:fs';
import { loadLibrary } from '@microtune/shared/native';

export interface NvmlFindings {
  /** e.g. `580.65.06`. */
  readonly driverVersion: string | undefined;
  /** By UUID. */
  readonly freeMemoryBytes: ReadonlyMap<string, number>;
}

export interface NvmlSources {
  readonly library?: string;
  /** Where the kernel module describes itself. */
  readonly procFile?: string;
}

const success = 0;
const textBytes = 96;
const nvmlLibrary = 'libnvidia-ml.so.1';
const kernelModuleFile = '/proc/driver/nvidia/version';

/** Never throws: what cannot be known is left out. @param uuids of the devices to look at */
export function askNvml(
  uuids: readonly string[],
  { library = nvmlLibrary, procFile = kernelModuleFile }: NvmlSources = {},
): NvmlFindings {
  const api = bind(library);
  if (api === undefined || api.init() !== success)
    return { driverVersion: kernelModuleVersion(procFile), freeMemoryBytes: new Map() };
  try {
    const text = Buffer.alloc(textBytes);
    const known = api.driverVersion(text, textBytes) === success;
    return {
      driverVersion: known
        ? text.toString('utf8', 0, text.indexOf(0))
        : kernelModuleVersion(procFile),
      freeMemoryBytes: new Map(
        uuids.flatMap((uuid) => {
          const free = freeBytes(api, uuid);
          return free === undefined ? [] : [[uuid, free] as const];
        }),
      ),
    };
  } finally {
    api.shutdown();
  }
}

/** The version in the kernel module's own words, e.g. `NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  …`. */
export function parseKernelModule(text: string): string | undefined {
  return /^NVRM version:.*Kernel Module(?:\s+for\s+\S+)?\s+(\d+(?:\.\d+)+)/m.exec(text)?.[1];
}

function kernelModuleVersion(file: string): string | undefined {
  try {
    return parseKernelModule(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

type Api = NonNullable<ReturnType<typeof bind>>;

function bind(library: string) {
  try {
    const { func } = loadLibrary(library);
    return {
      init: func('int nvmlInit_v2(void)') as () => number,
      shutdown: func('int nvmlShutdown(void)') as () => number,
      driverVersion: func(
        'int nvmlSystemGetDriverVersion(_Out_ char *version, unsigned int length)',
      ) as (version: Buffer, length: number) => number,
      handle: func('int nvmlDeviceGetHandleByUUID(const char *uuid, _Out_ void **device)') as (
        uuid: string,
        device: [unknown],
      ) => number,
      /** nvmlMemory_t: total, free and used, in bytes. */
      memory: func('int nvmlDeviceGetMemoryInfo(void *device, _Out_ uint64_t *memory)') as (
        device: unknown,
        memory: BigUint64Array,
      ) => number,
    };
  } catch {
    return undefined;
  }
}

function freeBytes(api: Api, uuid: string): number | undefined {
  const device: [unknown] = [null];
  if (api.handle(uuid, device) !== success) return undefined;
  const memory = new BigUint64Array(3);
  return api.memory(device[0], memory) === success ? Number(memory[1]) : undefined;
}

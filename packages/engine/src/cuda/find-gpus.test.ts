/** The bindings against a stand-in of NVIDIA's libraries, compiled here: two cards, one of them a slice. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { askCudaDriver } from './cuda-driver.js';
import { findGpus } from './find-gpus.js';
import { askNvml, parseKernelModule } from './nvml.js';
import { driverStandIn } from './driver-stand-in.js';

const folder = mkdtempSync(join(tmpdir(), 'microtune-gpus-'));
afterAll(() => rmSync(folder, { recursive: true }));

function compiled(name: string, definitions: readonly string[] = []): string {
  const library = join(folder, `${name}.so`);
  const source = join(folder, `${name}.c`);
  writeFileSync(source, driverStandIn);
  const defines = definitions.map((definition) => `-D${definition}`);
  execFileSync('cc', ['-shared', '-fPIC', ...defines, '-o', library, source]);
  return library;
}

const hasCompiler = (() => {
  try {
    return execFileSync('cc', ['--version']).length > 0;
  } catch {
    return false;
  }
})();

describe.skipIf(!hasCompiler)('findGpus', () => {
  it('lists devices as the driver and NVML describe them', () => {
    const library = compiled('two');
    const found = findGpus({}, { cudaLibrary: library, nvmlLibrary: library });
    expect(found).toEqual({
      driverVersion: '580.65.06',
      cudaVersion: '13.0',
      reason: undefined,
      gpus: [
        {
          ordinal: 0,
          name: 'NVIDIA H200',
          uuid: 'GPU-00010203-0405-0607-0809-0a0b0c0d0e0f',
          pciBusId: '0000:3b:00.0',
          memoryBytes: 150_754_820_096,
          freeMemoryBytes: 150_000_000_000,
          computeCapability: '9.0',
        },
        {
          ordinal: 1,
          name: 'NVIDIA H200 MIG 1g.18gb',
          uuid: 'MIG-10111213-1415-1617-1819-1a1b1c1d1e1f',
          pciBusId: '0000:86:00.0',
          memoryBytes: 150_754_820_096,
          freeMemoryBytes: 150_000_000_000,
          computeCapability: '9.0',
        },
      ],
    });
  });

  it('does without NVML, as containers for computing alone have none', () => {
    const found = findGpus({}, { cudaLibrary: compiled('alone'), nvmlLibrary: '/none.so' });
    expect(found.gpus.map(({ freeMemoryBytes }) => freeMemoryBytes)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it.each([
    ['no-device', 100, /driver \(CUDA 13\.0\) shows no device: is CUDA_VISIBLE_DEVICES right/],
    ['mismatch', 803, /does not start: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH/],
  ])('says why a driver gives none: %s', (name, status, expected) => {
    const cudaLibrary = compiled(name, [`INIT_STATUS=${String(status)}`]);
    const found = findGpus({}, { cudaLibrary, nvmlLibrary: '/none.so' });
    expect(found.gpus).toEqual([]);
    expect(found.reason).toMatch(expected);
  });

  it('orders devices by their place on the bus unless the user orders otherwise', () => {
    const environment: Record<string, string | undefined> = { CUDA_DEVICE_ORDER: undefined };
    findGpus(environment, { cudaLibrary: compiled('order') });
    expect(environment).toEqual({});
  });
});

describe('without a driver', () => {
  it('there are no devices, and the reason says so', () => {
    expect(askCudaDriver('/none.so')).toEqual({
      cudaVersion: undefined,
      devices: [],
      problem: undefined,
    });
    expect(findGpus({}, { cudaLibrary: '/none.so' })).toEqual({
      gpus: [],
      driverVersion: undefined,
      cudaVersion: undefined,
      reason: 'the NVIDIA driver (libcuda.so.1) is not installed',
    });
  });

  it('asks the kernel module where NVML is missing', () => {
    const procFile = join(folder, 'version');
    writeFileSync(
      procFile,
      'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n' +
        'GCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04)\n',
    );
    expect(askNvml([], { library: '/none.so', procFile }).driverVersion).toBe('535.183.01');
    expect(askNvml([], { library: '/none.so', procFile: '/none' }).driverVersion).toBeUndefined();
  });
});

it.each([
  [
    'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22-I3-AM15-05-2)  Sun Jul 27 06:54:38 UTC 2025',
    '580.65.06',
  ],
  [
    'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024',
    '550.54.15',
  ],
  ['something else', undefined],
])('reads the driver version of %s', (text, version) => {
  expect(parseKernelModule(text)).toBe(version);
});

import type { Gpu, GpuFindings } from '@microtune/engine';
import { parseRunConfig, type RunConfig } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import { chooseDevices } from './choose-devices.js';
import { pinnedEnvironment } from './pin-worker.js';

const card = (ordinal: number): Gpu => ({
  ordinal,
  name: 'NVIDIA H200',
  uuid: `GPU-${ordinal}`,
  pciBusId: `0000:0${ordinal}:00.0`,
  memoryBytes: 150e9,
  freeMemoryBytes: 149e9,
  computeCapability: '9.0',
});
const machineWith = (count: number): GpuFindings => ({
  gpus: Array.from({ length: count }, (_, ordinal) => card(ordinal)),
  driverVersion: '580.65.06',
  cudaVersion: '13.0',
  reason: count > 0 ? undefined : 'the NVIDIA driver (libcuda.so.1) is not installed',
});

function choose(written: Partial<RunConfig>, cards: number, cudaEngine = true) {
  const config = parseRunConfig({ modelNameOrPath: 'm', trainFile: 'a.tsv', ...written });
  return chooseDevices(config, {
    findGpus: () => Promise.resolve(machineWith(cards)),
    hasCudaEngine: () => cudaEngine,
  });
}

describe('chooseDevices', () => {
  it('takes all cards unasked where an engine for them is set up, as many as there are workers', async () => {
    expect((await choose({}, 2)).devices).toEqual(['cuda:0', 'cuda:1']);
    expect((await choose({ workers: 1 }, 2)).devices).toEqual(['cuda:0']);
    expect((await choose({}, 2, false)).devices).toEqual(['cpu']);
    expect((await choose({}, 0)).devices).toEqual(['cpu']);
    expect((await choose({ engine: 'onnx' }, 2)).devices).toEqual(['cpu']);
  });

  it('takes those named, in their order', async () => {
    const { devices, gpus } = await choose({ devices: 'cuda:2,cuda:0' }, 3);
    expect(devices).toEqual(['cuda:2', 'cuda:0']);
    expect(gpus.map(({ uuid }) => uuid)).toEqual(['GPU-2', 'GPU-0']);
    expect((await choose({ devices: 'cuda' }, 3)).devices.length).toBe(3);
    expect(await choose({ devices: 'cpu', workers: 4 }, 3)).toEqual({ devices: ['cpu'], gpus: [] });
  });

  it('lets workers share cards only when told to', async () => {
    const two = { devices: 'cuda:0', workers: 2 };
    await expect(choose(two, 1)).rejects.toThrow(
      '--workers 2 for 1 device (cuda:0): each worker has one of its own; lower --workers, name more devices (or --devices cpu), or share cards with --oversubscribe',
    );
    expect((await choose({ ...two, oversubscribe: true }, 1)).devices).toEqual(['cuda:0']);
    await expect(choose({ workers: 3 }, 2)).rejects.toThrow(/--workers 3 for 2 devices/);
  });

  it.each<[Partial<RunConfig>, number, RegExp]>([
    [
      { devices: 'cuda:0' },
      0,
      /^--devices cuda:0: no GPU was found: the NVIDIA driver \(libcuda\.so\.1\) is not installed\. Use --devices cpu/,
    ],
    [
      { devices: 'cuda:1,cuda:4' },
      2,
      /cuda:4 does not exist; found cuda:0 \(NVIDIA H200, [\d.]+ GiB\), cuda:1/,
    ],
    [{ devices: 'cuda:0,cuda:1', workers: 1 }, 2, /name as many devices as workers/],
    [{ devices: 'cpu', oversubscribe: true }, 2, /--oversubscribe is for GPUs/],
    [{ devices: 'cpu', tf32: true }, 2, /--tf32 is for GPUs, and the devices of this run are cpu/],
  ])('refuses %o with %d cards', async (written, cards, message) => {
    await expect(choose(written, cards)).rejects.toThrow(message);
  });
});

describe('pinnedEnvironment', () => {
  it('shows a worker one card, by UUID, and lets it round no float32', () => {
    const pinned = pinnedEnvironment(
      { PATH: '/bin', CUDA_VISIBLE_DEVICES: '0,1' },
      { gpu: card(1), tf32: false },
    );
    expect(pinned).toEqual({
      PATH: '/bin',
      CUDA_VISIBLE_DEVICES: 'GPU-1',
      CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
      NVIDIA_TF32_OVERRIDE: '0',
      TF_DETERMINISTIC_OPS: '1',
      TF_CUDNN_USE_AUTOTUNE: '0',
      CUBLAS_WORKSPACE_CONFIG: ':4096:8',
    });
  });

  it('forbids nothing with --tf32, whatever the caller has set', () => {
    const environment = { NVIDIA_TF32_OVERRIDE: '0' };
    const { NVIDIA_TF32_OVERRIDE } = pinnedEnvironment(environment, { gpu: card(0), tf32: true });
    expect(NVIDIA_TF32_OVERRIDE).toBeUndefined();
  });

  it('shows none to a worker on the CPU', () => {
    expect(pinnedEnvironment({ A: '1' }, { gpu: undefined, tf32: false })).toEqual({
      A: '1',
      CUDA_VISIBLE_DEVICES: '-1',
    });
  });
});

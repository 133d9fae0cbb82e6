/** Which devices a run computes on: what the user named, checked against what this machine has. */
import type { Gpu, GpuFindings } from '@microtune/engine';
import { MicrotuneError, cardNumber } from '@microtune/shared';
import { byteSize } from '../output/format.js';
import type { PlaceConfig } from './place-config.js';

export interface DeviceChoice {
  /** `cpu`, or `cuda:N` of each card. */
  readonly devices: readonly string[];
  /** The cards, in the order of `devices`; none on the CPU. */
  readonly gpus: readonly Gpu[];
}

/** What this machine has, asked only when it matters. */
export interface DeviceFacts {
  findGpus(): Promise<GpuFindings>;
  /** An engine for CUDA is set up. */
  hasCudaEngine(): boolean;
}

const onCpu: DeviceChoice = { devices: ['cpu'], gpus: [] };

/**
 * `--devices`, or without it all cards where there are any and an engine for them is set up.
 * @throws MicrotuneError `usage` for a device that this machine lacks, and for options or numbers of workers that do not
 *   fit the devices
 */
export async function chooseDevices(
  config: PlaceConfig,
  facts: DeviceFacts,
): Promise<DeviceChoice> {
  const choice = await findDevices(config, facts);
  const problem = choice.gpus.length === 0 ? cpuProblem(config) : sharingProblem(config, choice);
  if (problem !== undefined) throw new MicrotuneError('usage', problem);
  return choice;
}

async function findDevices(
  { devices, engine, workers }: PlaceConfig,
  facts: DeviceFacts,
): Promise<DeviceChoice> {
  if (devices === undefined) {
    const cpuEngine = engine === 'onnx' || engine === 'openvino' || engine === 'reference';
    if (cpuEngine || !facts.hasCudaEngine()) return onCpu;
    // Fewer workers than cards leave cards to others; more are the user's to explain.
    return choiceOf((await facts.findGpus()).gpus.slice(0, workers));
  }
  if (devices[0] === 'cpu') return onCpu;
  const found = await facts.findGpus();
  const option = `--devices ${devices.join(',')}`;
  if (found.gpus.length === 0) {
    throw new MicrotuneError(
      'usage',
      `${option}: no GPU was found: ${found.reason ?? 'the driver lists none'}. ` +
        'Use --devices cpu, or see microtune doctor',
    );
  }
  if (devices[0] === 'cuda') return choiceOf(found.gpus);
  return choiceOf(
    devices.map((name) => {
      const gpu = found.gpus[cardNumber(name) ?? -1];
      if (gpu !== undefined) return gpu;
      const list = found.gpus.map(gpuText).join(', ');
      throw new MicrotuneError('usage', `${option}: ${name} does not exist; found ${list}`);
    }),
  );
}

/** e.g. `cuda:0 (NVIDIA H200, 141 GB)`. */
export function gpuText({ ordinal, name, memoryBytes }: Gpu): string {
  return `cuda:${ordinal} (${name}, ${byteSize(memoryBytes)})`;
}

function choiceOf(gpus: readonly Gpu[]): DeviceChoice {
  if (gpus.length === 0) return onCpu;
  return { devices: gpus.map(({ ordinal }) => `cuda:${ordinal}`), gpus };
}

function cpuProblem({ oversubscribe, tf32 }: PlaceConfig): string | undefined {
  if (oversubscribe) return '--oversubscribe is for GPUs: workers always share the CPU';
  return tf32 ? '--tf32 is for GPUs, and the devices of this run are cpu' : undefined;
}

function sharingProblem(
  { workers, oversubscribe }: PlaceConfig,
  { devices }: DeviceChoice,
): string | undefined {
  if (workers === undefined || workers === devices.length) return undefined;
  const numbers = `--workers ${workers} for ${devices.length} ${devices.length === 1 ? 'device' : 'devices'} (${devices.join(', ')})`;
  if (workers < devices.length)
    return `${numbers}: each worker uses one; name as many devices as workers`;
  return oversubscribe
    ? undefined
    : `${numbers}: each worker has one of its own; lower --workers, name more devices (or --devices cpu), or share cards with --oversubscribe`;
}

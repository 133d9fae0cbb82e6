/** Where a run computes: devices first, then the engine for them. What the commands `train` and `check` share. */
import type { GpuFindings } from '@microtune/engine';
import { chooseCudaEngine, hasCudaEngine } from './choose-cuda-engine.js';
import { chooseDevices, type DeviceChoice } from './choose-devices.js';
import { chooseEngine, type EngineChoice } from './choose-engine.js';
import type { PlaceConfig } from './place-config.js';

export interface Placement extends DeviceChoice, EngineChoice {}

export interface PlaceOptions {
  readonly cacheFolder: string;
  /** process.env, which NVIDIA's driver reads. */
  readonly variables: NodeJS.ProcessEnv;
  /** @default by this process; a run on the CPU need not load what talks to the driver */
  readonly findGpus?: () => Promise<GpuFindings>;
}

/** @throws MicrotuneError `usage` for devices or an engine that this machine lacks, or that do not go together */
export async function placeRun(
  config: PlaceConfig,
  { cacheFolder, variables, findGpus }: PlaceOptions,
): Promise<Placement> {
  const devices = await chooseDevices(config, {
    findGpus:
      findGpus ?? (async () => (await import('@microtune/engine/find-gpus')).findGpus(variables)),
    hasCudaEngine: () => hasCudaEngine(config, cacheFolder),
  });
  const choose = devices.gpus.length === 0 ? chooseEngine : chooseCudaEngine;
  return { ...devices, ...choose(config, cacheFolder) };
}

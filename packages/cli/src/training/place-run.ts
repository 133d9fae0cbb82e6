/** Where a run computes: devices first, then the engine for them. What the commands `train` and `check` share. */
import type { ParsedConfig } from '@microtune/shared';
import { chooseCudaEngine, hasCudaEngine } from './choose-cuda-engine.js';
import { chooseDevices, type DeviceChoice } from './choose-devices.js';
import { chooseEngine, type EngineChoice } from './choose-engine.js';

export interface Placement extends DeviceChoice, EngineChoice {}

export interface PlaceOptions {
  readonly cacheFolder: string;
  /** process.env, which NVIDIA's driver reads. */
  readonly variables: NodeJS.ProcessEnv;
}

/** @throws MicrotuneError `usage` for devices or an engine that this machine lacks, or that do not go together */
export async function placeRun(
  config: ParsedConfig,
  { cacheFolder, variables }: PlaceOptions,
): Promise<Placement> {
  const devices = await chooseDevices(config, {
    // A run on the CPU need not load what talks to the driver.
    findGpus: async () => (await import('@microtune/engine/find-gpus')).findGpus(variables),
    hasCudaEngine: () => hasCudaEngine(config, cacheFolder),
  });
  const choose = devices.gpus.length === 0 ? chooseEngine : chooseCudaEngine;
  return { ...devices, ...choose(config, cacheFolder) };
}

/** Whether an engine loads in this process, for `doctor`. */
import { isEngine, tryEngine } from '@microtune/engine/load';
import { messageOf } from '@microtune/shared';
import type { Environment } from '../environment.js';
import type { EngineFinding, EngineOnPlatform } from './engine-finding.js';

export async function findEngine(
  { name, platform }: EngineOnPlatform,
  { cacheFolder, variables }: Environment,
): Promise<EngineFinding> {
  try {
    const engine = await tryEngine(name, { cacheFolder, environment: variables, platform });
    if (!isEngine(engine)) {
      const { reason, remedy } = engine;
      return { name, platform, loads: false, reason, remedy };
    }
    const { version, device, precisions } = engine;
    engine.dispose();
    return { name, platform, loads: true, version, device, precisions };
  } catch (error) {
    // A doctor reports what breaks, whatever it is.
    return { name, platform, loads: false, reason: messageOf(error), remedy: undefined };
  }
}

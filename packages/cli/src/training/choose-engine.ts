/** Which engine `auto` means on this machine, without loading any: workers load it, the coordinator never does. */
import { libraryWarning, missingLibraries } from '@microtune/engine/missing-libraries';
import { MicrotuneError, type ResolvedConfig } from '@microtune/shared';
import type { PlaceConfig } from './place-config.js';

export interface EngineChoice {
  readonly engine: ResolvedConfig['engine'];
  /** Why not a better one, or what to know of its libraries. */
  readonly note: string | undefined;
}

/** @throws MicrotuneError `usage` when the engine asked for is not set up, or the choice cannot do bf16 */
export function chooseEngine(config: PlaceConfig, cacheFolder: string): EngineChoice {
  const best = config.engine === 'auto' ? 'openvino' : config.engine;
  const missing = missingLibraries(best, cacheFolder);
  if (missing === undefined) return { engine: best, note: libraryWarning(best, cacheFolder) };
  const { reason, remedy } = missing;
  if (config.engine !== 'auto')
    throw new MicrotuneError('usage', `--engine ${best}: ${reason}: run ${remedy}`);
  if (config.bf16) {
    throw new MicrotuneError(
      'usage',
      `--bf16 needs the engine openvino, and ${reason}: run ${remedy}`,
    );
  }
  return { engine: 'onnx', note: `engine onnx, because ${reason}; openvino is faster: ${remedy}` };
}

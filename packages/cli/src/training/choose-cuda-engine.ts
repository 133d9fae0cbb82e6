/** Which engine runs on GPUs here, by what is set up: the workers load it, the coordinator never does. */
import type { EngineName } from '@microtune/engine';
import { libraryWarning, missingLibraries } from '@microtune/engine/missing-libraries';
import { MicrotuneError } from '@microtune/shared';
import type { EngineChoice } from './choose-engine.js';
import type { PlaceConfig } from './place-config.js';

/** Those that run on GPUs, best first. */
const cudaEngines: readonly EngineName[] = ['xla', 'tensorflow'];

/** Whether an engine that `--engine` allows is set up for CUDA. */
export function hasCudaEngine({ engine }: PlaceConfig, cacheFolder: string): boolean {
  return cudaEngines.some(
    (name) =>
      (engine === 'auto' || engine === name) &&
      missingLibraries(name, cacheFolder, 'cuda') === undefined,
  );
}

/**
 * The engine of a run on cards.
 * @throws MicrotuneError `usage` when the engine asked for runs on CPUs alone, or none is set up for CUDA
 */
export function chooseCudaEngine({ engine }: PlaceConfig, cacheFolder: string): EngineChoice {
  if (engine !== 'auto' && !cudaEngines.includes(engine)) {
    throw new MicrotuneError(
      'usage',
      `--engine ${engine} runs on CPUs alone: on cards use --engine ${cudaEngines.join(' or ')}, or leave --engine out`,
    );
  }
  const reasons: string[] = [];
  for (const name of engine === 'auto' ? cudaEngines : [engine]) {
    const missing = missingLibraries(name, cacheFolder, 'cuda');
    if (missing === undefined) {
      const note =
        reasons.length === 0
          ? libraryWarning(name, cacheFolder, 'cuda')
          : `engine ${name}, because ${reasons.join('; ')}`;
      return { engine: name, note };
    }
    const remedy = missing.remedy === undefined ? '' : ` (${missing.remedy})`;
    reasons.push(`engine ${name}: ${missing.reason}${remedy}`);
  }
  throw new MicrotuneError('usage', `no engine for GPUs is set up: ${reasons.join('; ')}`);
}

/** The command that fetches an engine's libraries: the remedy in messages. */
import type { EngineName } from '../engine.js';
import type { XlaPlatform } from '../xla/platform.js';

/** @returns undefined where there is none: TensorFlow is fetched for CPUs alone */
export function setupCommand(
  engine: EngineName,
  platform: XlaPlatform = 'cpu',
): string | undefined {
  if (engine === 'tensorflow' && platform === 'cuda') return undefined;
  return `microtune setup ${engine}${platform === 'cuda' ? ' --cuda' : ''}`;
}

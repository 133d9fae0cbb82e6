/** The command that fetches an engine's libraries: the remedy in messages. */
import type { EngineName } from '../engine.js';
import type { XlaPlatform } from '../xla/platform.js';

export function setupCommand(engine: EngineName, platform: XlaPlatform = 'cpu'): string {
  return `microtune setup ${engine}${platform === 'cuda' ? ' --cuda' : ''}`;
}

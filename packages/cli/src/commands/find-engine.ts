/** `microtune find-engine`: whether one engine loads, as a line of JSON; started by doctor. */
import type { CommandInput } from '../command.js';
import { findEngineOptions } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';
import { findEngine } from '../engines/find-engine.js';

export async function run({ values, environment }: CommandInput): Promise<number> {
  const { cacheFolder, ...engine } = parseOptions(findEngineOptions, values);
  const found = await findEngine(engine, { ...environment, cacheFolder });
  environment.stdout.write(`${JSON.stringify(found)}\n`);
  return 0;
}

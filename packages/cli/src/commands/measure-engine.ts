/** `microtune measure-engine`: the bits of one engine with one number of threads, as a line of JSON; started by train and check. */
import { loadEngine, measureEngine } from '@microtune/engine';
import type { CommandInput } from '../command.js';
import { measureEngineOptions } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';

export async function run({ values, environment }: CommandInput): Promise<number> {
  const options = parseOptions(measureEngineOptions, values);
  const { name, precision, platform, products, threads, cacheFolder } = options;
  const engine = await loadEngine(name, {
    cacheFolder,
    environment: environment.variables,
    threads,
    platform,
    products,
  });
  const measured = await measureEngine(engine, { threads, precision });
  engine.dispose();
  environment.stdout.write(`${JSON.stringify(measured)}\n`);
  return 0;
}

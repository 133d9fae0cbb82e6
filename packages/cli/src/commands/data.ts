/** `microtune data inspect <files>`: samples as a language model sees them, before anything is trained. */
import { inspectSamples } from '@microtune/tasks';
import { MicrotuneError } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { dataOptionsSchema } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';
import { inspectionFacts, inspectionText } from '../output/inspection-text.js';

export async function run({
  values,
  positional: what,
  operands: files = [],
  environment,
}: CommandInput): Promise<number> {
  if (what !== 'inspect')
    throw new MicrotuneError('usage', `data ${what}: there is only data inspect`);
  const { json, samples, ...options } = parseOptions(dataOptionsSchema, values);
  const inspection = await inspectSamples({
    ...options,
    files,
    cacheFolder: environment.cacheFolder,
    today: new Date(),
    shownSamples: samples,
  });
  const text = json ? JSON.stringify(inspectionFacts(inspection)) : inspectionText(inspection);
  environment.stdout.write(`${text}\n`);
  return 0;
}

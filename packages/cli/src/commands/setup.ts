/** `microtune setup openvino`: fetches an engine's libraries into the cache folder. */
import { rm } from 'node:fs/promises';
import { openvinoFolder, runProcess, setupOpenvino } from '@microtune/engine';
import { MicrotuneError, systemClock } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { setupOptions } from '../command-list.js';
import { parseOptions } from '../config/parse-options.js';

export async function run({
  values,
  positional: name,
  environment,
}: CommandInput): Promise<number> {
  const options = parseOptions(setupOptions, values);
  if (name !== 'openvino') {
    throw new MicrotuneError(
      'usage',
      `setup ${name ?? ''}: the engine to set up is openvino; onnx comes with npm`,
    );
  }
  const { cacheFolder, stdout } = environment;
  if (options.force) await rm(openvinoFolder(cacheFolder), { recursive: true, force: true });
  const installation = await setupOpenvino({
    cacheFolder,
    run: runProcess,
    report: (line) => {
      if (!options.json) stdout.write(`${line}\n`);
    },
    timestamp: systemClock.timestamp(),
  });
  if (options.json) {
    const { librariesFolder, manifest, changed } = installation;
    stdout.write(
      `${JSON.stringify({ folder: librariesFolder, version: manifest.version, changed })}\n`,
    );
  }
  return 0;
}

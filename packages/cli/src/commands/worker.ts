/** `microtune worker`: one worker process of a run, started by `train`. */
import { loadEngine } from '@microtune/engine';
import { systemClock } from '@microtune/shared';
import { runWorker } from '@microtune/worker';
import type { CommandInput } from '../command.js';
import { workerOptions } from '../command-list.js';
import { parseOptions } from '../config/parse-options.js';

export async function run({ values, environment }: CommandInput): Promise<number> {
  const { coordinator, rank, runId, ...options } = parseOptions(workerOptions, values);
  process.title = `microtune worker ${rank}`;
  const cacheFolder = options.cacheFolder ?? environment.cacheFolder;
  await runWorker({
    endpoint: coordinator,
    rank,
    runId,
    clock: systemClock,
    cacheFolder,
    openEngine: ({ engine, threadsPerWorker }) =>
      loadEngine(engine, {
        cacheFolder,
        environment: environment.variables,
        threads: threadsPerWorker,
      }),
  });
  return 0;
}

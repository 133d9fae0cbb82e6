/** `microtune worker`: one worker process of a run, started by `train`. */
import { loadEngine } from '@microtune/engine/load';
import { deviceOfRank, systemClock } from '@microtune/shared';
import { runWorker } from '@microtune/worker';
import type { CommandInput } from '../command.js';
import { workerOptions } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';
import { graphStoreIn } from '../engines/graph-store.js';
import { pinnedGpu } from '../machine/pinned-gpu.js';

/** Share of a card's memory that all its workers together may take; the rest is the driver's and the libraries'. */
const usableMemory = 0.9;

export async function run({ values, environment }: CommandInput): Promise<number> {
  const { coordinator, rank, runId, ...options } = parseOptions(workerOptions, values);
  process.title = `microtune worker ${rank}`;
  const cacheFolder = options.cacheFolder ?? environment.cacheFolder;
  const { variables } = environment;
  await runWorker({
    endpoint: coordinator,
    rank,
    runId,
    clock: systemClock,
    cacheFolder,
    graphStore: graphStoreIn(cacheFolder),
    openEngine: (config) => {
      const device = deviceOfRank(config, rank);
      return loadEngine(config.engine, {
        cacheFolder,
        environment: variables,
        threads: config.threadsPerWorker,
        platform: device.name === 'cpu' ? 'cpu' : 'cuda',
        memoryFraction: usableMemory / device.workers,
        tf32: config.tf32,
      });
    },
    describeGpu: (name) => pinnedGpu(name, variables),
  });
  return 0;
}

/** Training from code. */
import type { RunObserver, Summary } from '@microtune/coordinator';
import type { RunConfig } from '@microtune/shared';
import { checkConfig } from './config/load-config.js';
import { processEnvironment } from './environment.js';

export interface TrainOptions {
  /** Hears of every step, evaluation and save. */
  readonly onEvent?: RunObserver;
  /** Aborting it with the reason `interrupted` or `terminated` saves a checkpoint and stops. */
  readonly signal?: AbortSignal;
  /** Of tokenized data and engine libraries. Default: as the command, `MICROTUNE_CACHE` or `~/.cache/microtune`. */
  readonly cacheFolder?: string;
}

/**
 * Trains with worker processes on this machine, exactly as `microtune train`, and prints nothing.
 * @returns the contents of summary.json; its `status` tells a run that was asked to stop from one that completed
 * @throws MicrotuneError with code `usage` or `data` for a configuration or files that do not fit, `transient` when a
 *   worker was lost
 * @example const { eval: metrics } = await train({ modelNameOrPath: 'model', trainFile: 'train.tsv', workers: 2 });
 */
export async function train(config: RunConfig, options: TrainOptions = {}): Promise<Summary> {
  const startedAt = performance.now();
  const checked = checkConfig(config);
  const { launchTraining } = await import('./training/launch-training.js');
  const environment = processEnvironment([]);
  return launchTraining(checked, {
    cacheFolder: options.cacheFolder ?? environment.cacheFolder,
    variables: environment.variables,
    observe: options.onEvent ?? (() => undefined),
    stop: options.signal ?? new AbortController().signal,
    startedAt,
    commandLine: undefined,
  });
}

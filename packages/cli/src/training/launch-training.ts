/** A checked configuration -> a run on this machine: what the command `train` and the function `train` share. */
import { randomUUID } from 'node:crypto';
import { cpus } from 'node:os';
import {
  recoverRunFolder,
  resolveConfig,
  runTraining,
  type RunObserver,
  type Summary,
} from '@microtune/coordinator';
import { runFolder, systemClock, type ParsedConfig } from '@microtune/shared';
import { createLogger } from '@microtune/shared/logging';
import { chooseEngine } from './choose-engine.js';
import { requireModel } from './require-model.js';
import { workerCommand } from './worker-command.js';

export interface LaunchOptions {
  readonly cacheFolder: string;
  readonly observe: RunObserver;
  /** Aborted with reason `interrupted` or `terminated`: save and stop. */
  readonly stop: AbortSignal;
  /** When the command started, on the system clock in milliseconds. */
  readonly startedAt: number;
}

/**
 * Trains to the end, or until asked to stop.
 * @throws MicrotuneError as `runTraining`
 */
export async function launchTraining(
  config: ParsedConfig,
  options: LaunchOptions,
): Promise<Summary> {
  const { cacheFolder, observe, stop, startedAt } = options;
  requireModel(config.modelNameOrPath);
  const { engine, note } = chooseEngine(config, cacheFolder);
  recoverRunFolder(config.outputDir);
  const resolved = resolveConfig(config, { cores: cpus().length, engine });
  if (note !== undefined) observe({ type: 'note', text: note });
  const runId = randomUUID();
  const logger = createLogger(runFolder(resolved.outputDir).logs, 'coordinator');
  try {
    return await runTraining(resolved, {
      clock: systemClock,
      runId,
      startedAt,
      workerCommand: (rank, endpoint) => workerCommand({ rank, endpoint, runId, cacheFolder }),
      cacheFolder,
      logger,
      observe,
      stop,
    });
  } finally {
    logger.close();
  }
}

/** A checked configuration -> a run on this machine: what the command `train` and the function `train` share. */
import { randomUUID } from 'node:crypto';
import { cpus } from 'node:os';
import {
  batchNotes,
  notesOf,
  checkOutputFolder,
  resolveConfig,
  runTraining,
  takeRunFolder,
  type RunObserver,
  type Summary,
} from '@microtune/coordinator';
import { askedTask, methodOf, modelSize } from '@microtune/models/model-size';
import { systemClock, type ParsedConfig } from '@microtune/shared';
import { dataDoubts, dataLine } from '../output/data-words.js';
import { ownVersion } from '../own-files.js';
import { proveRun } from '../engines/prove-run.js';
import { speedOf } from './expected-time.js';
import { placeRun } from './place-run.js';
import { pinnedEnvironment } from './pin-worker.js';
import { requireModel } from './require-model.js';
import { settleTask } from './settle-task.js';
import { rememberSpeed } from './speed-file.js';
import { workerCommand } from './worker-command.js';

export interface LaunchOptions {
  readonly cacheFolder: string;
  /** process.env: the workers' too, and what NVIDIA's driver reads. */
  readonly variables: NodeJS.ProcessEnv;
  readonly observe: RunObserver;
  /** Aborted with reason `interrupted` or `terminated`: save and stop. */
  readonly stop: AbortSignal;
  /** Arguments of the command, for the summary; undefined for a run from code. */
  readonly commandLine: readonly string[] | undefined;
  /** When the command started, on the system clock in milliseconds. */
  readonly startedAt: number;
}

/**
 * Trains to the end, or until asked to stop.
 * @throws MicrotuneError as `runTraining`
 */
export async function launchTraining(
  asked: ParsedConfig,
  options: LaunchOptions,
): Promise<Summary> {
  const { cacheFolder, variables, observe, stop, startedAt } = options;
  requireModel(asked.modelNameOrPath);
  checkOutputFolder(asked);
  const { config, note: taskNote } = await settleTask(asked);
  const { engine, note, devices, gpus } = await placeRun(config, { cacheFolder, variables });
  using folder = await takeRunFolder(config.outputDir);
  const resolved = resolveConfig(config, { cores: cpus().length, engine, devices });
  const notes = [
    ...notesOf('task', taskNote === undefined ? [] : [taskNote]),
    ...notesOf('output_folder', folder.note === undefined ? [] : [folder.note]),
    ...notesOf('engine', note === undefined ? [] : [note]),
    ...notesOf('batch_follows_workers', batchNotes(config, resolved)),
  ];
  for (const each of notes) observe({ type: 'note', ...each });
  const runId = randomUUID();
  const model = await modelSize(resolved.modelNameOrPath, askedTask(resolved), methodOf(resolved));
  const summary = await runTraining(resolved, {
    check: async (run) => {
      const { describeTrained, openModel } = await import('./open-model.js');
      const opened = await openModel(resolved, run);
      for (const text of describeTrained(opened.program.parameters))
        observe({ type: 'note', code: 'trained', text });
      const report = run.task.report();
      for (const each of notesOf('data', [
        dataLine(report.train, run.task.maxSeqLength),
        ...dataDoubts(report),
      ]))
        observe({ type: 'note', ...each });
      const proven = await proveRun(resolved, {
        cacheFolder,
        env: pinnedEnvironment(variables, { gpu: gpus[0], tf32: resolved.tf32 }),
        card: gpus[0]?.name,
        stop,
      });
      for (const text of proven.notes) observe({ type: 'note', code: 'engine', text });
    },
    clock: systemClock,
    program: {
      microtuneVersion: ownVersion(),
      nodeVersion: process.versions.node,
      commandLine: options.commandLine,
    },
    runId,
    startedAt,
    workerCommand: (rank, endpoint) => {
      const gpu = gpus[rank % devices.length];
      const env = pinnedEnvironment(variables, { gpu, tf32: resolved.tf32 });
      return workerCommand({ rank, endpoint, runId, cacheFolder, env });
    },
    cacheFolder,
    model,
    openLogger: async (folder) => {
      const { createLogger } = await import('@microtune/shared/logging');
      return createLogger(folder, 'coordinator');
    },
    observe,
    stop,
  });
  const speed = model && speedOf(summary, model);
  if (speed !== undefined)
    rememberSpeed({ cacheFolder, config: resolved, card: gpus[0]?.name }, speed);
  return summary;
}

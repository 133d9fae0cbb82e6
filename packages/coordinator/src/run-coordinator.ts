/**
 * The coordinator's process around its decisions: run folder, control server, worker processes, clock and files. What
 * happens is decided in decide/; this file only opens, connects and closes.
 */
import { createZeromqControlServer, type ControlServer } from '@microtune/collective';
import {
  MicrotuneError,
  exitCodeOf,
  exitCodes,
  messageOf,
  runFolder,
  type Clock,
  type ErrorCode,
  type ResolvedConfig,
} from '@microtune/shared';
import type { Logger } from '@microtune/shared/logging';
import { conduct, type Conducted } from './conduct.js';
import { createEventQueue, type EventQueue } from './event-queue.js';
import type { RunEvent, StopRequest } from './decide/run-state.js';
import { launchWorkers, type Launcher, type WorkerCommand } from './launcher.js';
import { createMemoryMeter } from './memory-meter.js';
import { openRun } from './open-run.js';
import { prepareRunFolder, writeConfig, writeJsonFile } from './run-files.js';
import { listCheckpoints } from './list-checkpoints.js';
import { resumeAdvice } from './resume-advice.js';
import { lockRunFolder } from './run-lock.js';
import type { RunObserver } from './run-observer.js';
import { createRunRecorder, type RunRecorder } from './run-recorder.js';
import type { Program, Summary } from './summary.js';
import { withMemorySettings } from './worker-memory.js';

export interface TrainingContext {
  readonly clock: Clock;
  /** For the summary. */
  readonly program: Program;
  /** Names the run on the wire, e.g. a UUID. */
  readonly runId: string;
  /** When the command started, on `clock`, for the figures that users wait for. */
  readonly startedAt?: number;
  /** Command line and environment of the worker of a rank, which must connect to `endpoint`. */
  workerCommand(rank: number, endpoint: string): WorkerCommand;
  /** Where tokenized data is kept; undefined keeps nothing. */
  readonly cacheFolder: string | undefined;
  readonly logger: Logger;
  readonly observe: RunObserver;
  /** Aborted with reason `interrupted` or `terminated`: finish the planned steps, save a checkpoint, stop. */
  readonly stop: AbortSignal;
}

/** Between two looks at deadlines. */
const tickMs = 200;
/** Between two looks at the processes' memory: a look walks page tables and holds up page faults meanwhile. */
const memoryMs = 3000;
/** Workers that were told to stop are gone within it, or are killed. */
const graceMs = 1500;

/**
 * Trains as `config` says with worker processes on this machine, and leaves nothing running.
 * @returns the summary of a run that completed or was asked to stop (`status` tells)
 * @throws MicrotuneError when the run failed, after summary.json is written; `usage` when the output folder is taken
 */
export async function runTraining(
  config: ResolvedConfig,
  context: TrainingContext,
): Promise<Summary> {
  const folder = runFolder(config.outputDir);
  const resuming = config.resumeFromCheckpoint !== undefined;
  const unlock = lockRunFolder(folder.root);
  let recorder: RunRecorder | undefined;
  try {
    prepareRunFolder(folder, { resuming, overwrite: config.overwriteOutputDir });
    recorder = createRunRecorder(config, context);
    writeConfig(folder.config, config);
    const conducted = await trainWithWorkers(config, context, recorder);
    const summary = recorder.summarize(conducted.state, conducted.outcome);
    writeJsonFile(folder.summary, summary);
    throwFailure(conducted);
    return summary;
  } catch (error) {
    if (recorder !== undefined && !recorder.summarized)
      writeFailure(folder.summary, recorder, error);
    throw error;
  } finally {
    recorder?.close();
    unlock();
  }
}

function throwFailure({ outcome }: Conducted): void {
  if (outcome.error !== undefined)
    throw new MicrotuneError(outcome.error.code, outcome.error.message);
}

/** The run never got as far as deciding anything, or the coordinator itself failed. */
function writeFailure(file: string, recorder: RunRecorder, error: unknown): void {
  const code = codeOf(error);
  const outcome = { status: 'failed', error: { code, message: messageOf(error) } } as const;
  try {
    writeJsonFile(file, recorder.summarize(undefined, outcome));
  } catch {
    // The disk may be the reason; the error itself is thrown by the caller.
  }
}

function codeOf(error: unknown): ErrorCode {
  const exitCode = exitCodeOf(error);
  const names = Object.keys(exitCodes) as ErrorCode[];
  return names.find((name) => exitCodes[name] === exitCode) ?? 'internal';
}

async function trainWithWorkers(
  config: ResolvedConfig,
  context: TrainingContext,
  recorder: RunRecorder,
): Promise<Conducted> {
  const events = createEventQueue<RunEvent>();
  const server = await createZeromqControlServer({ runId: context.runId, port: config.port });
  let launcher: Launcher | undefined;
  try {
    const commands = Array.from({ length: config.workers }, (_, rank) => {
      const { command, env } = context.workerCommand(rank, server.endpoint);
      return { command, env: withMemorySettings(env, config.engine) };
    });
    launcher = launchWorkers(commands, (exit) => events.push({ type: 'exited', ...exit }));
    // Workers start while the data is opened: both take about a second.
    const opened = await openRun(config, context);
    recorder.opened(opened);
    const disconnect = connectSources({ events, server, launcher, context, recorder });
    try {
      return await conduct({
        spec: opened.spec,
        clock: context.clock,
        events,
        send: (rank, message) => server.send(rank, message),
        record: (record, state) => recorder.record(record, state),
        explain: (reason, state) => recorder.explain(reason, state),
      });
    } catch (error) {
      throw advised(error, config.outputDir);
    } finally {
      disconnect();
    }
  } finally {
    await launcher?.stop(graceMs);
    await server.close();
  }
}

/** A file that the coordinator itself could not write, e.g. because the disk is full. */
function advised(error: unknown, outputDir: string): unknown {
  if (!(error instanceof MicrotuneError) || error.code !== 'transient') return error;
  const advice = resumeAdvice(listCheckpoints(outputDir).at(-1));
  return new MicrotuneError(error.code, `${error.message}${advice}`, { cause: error });
}

interface Sources {
  readonly events: EventQueue<RunEvent>;
  readonly server: ControlServer;
  readonly launcher: Launcher;
  readonly context: TrainingContext;
  readonly recorder: RunRecorder;
}

/** Messages, the stop request, time and memory samples. @returns ends them */
function connectSources({ events, server, launcher, context, recorder }: Sources): () => void {
  void forward(server, events);
  const requestStop = (): void => {
    const request: StopRequest =
      context.stop.reason === 'terminated' ? 'terminated' : 'interrupted';
    events.push({ type: 'stop-requested', request });
  };
  if (context.stop.aborted) requestStop();
  context.stop.addEventListener('abort', requestStop);
  const pids = launcher.pids.filter((pid) => pid !== undefined);
  const memory = createMemoryMeter([process.pid, ...pids]);
  recorder.measureMemory(memory);
  const timers = [
    setInterval(() => events.push({ type: 'tick' }), tickMs),
    setInterval(() => memory.sample(), memoryMs),
  ];
  return () => {
    timers.forEach(clearInterval);
    context.stop.removeEventListener('abort', requestStop);
  };
}

async function forward(server: ControlServer, events: EventQueue<RunEvent>): Promise<void> {
  try {
    for await (const event of server.events()) events.push(event);
  } catch (error) {
    events.fail(error);
  }
}

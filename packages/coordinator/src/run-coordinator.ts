/**
 * The coordinator's process around its decisions: run folder, control server, worker processes, clock and files. What
 * happens is decided in decide/; this file only opens, connects and closes.
 */
import { rmSync } from 'node:fs';
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
import { checkDisk } from './disk-need.js';
import { createEventQueue, type EventQueue } from './event-queue.js';
import type { RunSpec } from './decide/run-spec.js';
import type { RunEvent, StopRequest } from './decide/run-state.js';
import { launchWorkers, type Launcher, type WorkerCommand } from './launcher.js';
import { createActivityMeter } from './activity-meter.js';
import { createMemoryMeter } from './memory-meter.js';
import {
  finishedSummary,
  goesOnInPlace,
  holdsEarlierRun,
  refuseEarlierRun,
} from './earlier-run.js';
import type { ModelNumbers } from './memory-need.js';
import { openRun, type OpenedRun } from './open-run.js';
import { orTransient, truncateLines, writeConfig, writeJsonFile } from './run-files.js';
import { listCheckpoints } from './list-checkpoints.js';
import { fromDisk, toDisk } from './messages-in-place.js';
import { resumeAdvice } from './resume-advice.js';
import { writeMarker } from './run-marker.js';
import type { RunObserver } from './run-observer.js';
import { createRunPlace, type RunPlace } from './run-place.js';
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
  /**
   * What can be said of the opened run before workers load it: an error they would find, too, but later.
   * @throws MicrotuneError
   */
  check?(run: OpenedRun): Promise<void>;
  /** For the estimate of memory; undefined makes none. */
  readonly model?: ModelNumbers | undefined;
  /** Opens the coordinator's log. @param folder of all logs of the run, made when missing */
  openLogger(folder: string): Promise<Logger>;
  readonly observe: RunObserver;
  /** Aborted with reason `interrupted` or `terminated`: finish the planned steps, save a checkpoint, stop. */
  readonly stop: AbortSignal;
}

/** Between two looks at deadlines, and at what the workers' processes do. */
const tickMs = 200;
const activityMs = 1000;
/** Between two looks at the processes' memory: a look walks page tables and holds up page faults meanwhile. */
const memoryMs = 3000;
/** Workers that have trained and were told to stop are gone within it, or are killed. */
const workGraceMs = 1500;

/**
 * Trains as `config` says with worker processes on this machine, and leaves nothing running.
 * @param config whose output folder the caller has locked and recovered
 * @returns the summary of a run that completed or was asked to stop (`status` tells); that of the folder, if it is finished already
 * @throws MicrotuneError when the run failed: after summary.json is written, or with the folder as it was where no step could begin;
 *   `usage` when the output folder holds another run
 */
export async function runTraining(
  config: ResolvedConfig,
  context: TrainingContext,
): Promise<Summary> {
  const folder = runFolder(config.outputDir);
  const inPlace = goesOnInPlace(config);
  if (!inPlace && !config.overwriteOutputDir) refuseEarlierRun(folder);
  const finished = inPlace ? finishedSummary(folder) : undefined;
  if (finished !== undefined) {
    const { spec } = await openRun(config, context);
    if (spec.totalSteps <= (finished.total_steps ?? finished.steps)) {
      context.observe({ type: 'note', code: 'output_folder', text: nothingToDo(config, finished) });
      return finished;
    }
  }
  await using workers = await startWorkers(config, context);
  // Workers start while the data is opened: both take about a second.
  const opened = await untilStopped(openAndCheck(config, context), context.stop);
  const place = createRunPlace(folder.root, { inPlace });
  const logger = await context.openLogger(place.folder.logs);
  let recorder: RunRecorder | undefined;
  let graceMs = 0;
  try {
    recorder = createRunRecorder(config, { ...context, place, logger });
    if (opened === undefined)
      return recorder.summarize(undefined, { status: requestOf(context.stop), error: undefined });
    recorder.opened(opened);
    const conducted = await train(opened, { workers, context, recorder, place });
    // Before the first step a worker has nothing to lose.
    if (conducted.state.members.every(({ ready }) => ready !== undefined)) graceMs = workGraceMs;
    const summary = recorder.summarize(conducted.state, conducted.outcome);
    if (recorder.hasBegun) writeJsonFile(place.folder.summary, summary);
    throwFailure(conducted);
    return summary;
  } catch (error) {
    if (recorder?.hasBegun && !recorder.summarized)
      writeFailure(place.folder.summary, recorder, error);
    throw error;
  } finally {
    await workers.stop(graceMs);
    recorder?.close();
    logger.close();
    place.abandon();
  }
}

function nothingToDo({ outputDir }: ResolvedConfig, { steps }: Summary): string {
  return (
    `${outputDir} holds a finished run of ${steps} steps: there is nothing to go on with, and nothing was changed; ` +
    'raise num_train_epochs or max_steps to train on'
  );
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

interface Workers extends AsyncDisposable {
  readonly events: EventQueue<RunEvent>;
  readonly server: ControlServer;
  readonly launcher: Launcher;
  /** Ends all processes; only the first call counts. @param graceMs for those that leave by themselves; default: none */
  stop(graceMs?: number): Promise<void>;
}

async function startWorkers(config: ResolvedConfig, context: TrainingContext): Promise<Workers> {
  const events = createEventQueue<RunEvent>();
  const server = await createZeromqControlServer({ runId: context.runId, port: config.port });
  const commands = Array.from({ length: config.workers }, (_, rank) => {
    const { command, env } = context.workerCommand(rank, server.endpoint);
    return { command, env: withMemorySettings(env, config.engine) };
  });
  const launcher = launchWorkers(commands, (exit) => events.push({ type: 'exited', ...exit }));
  let stopped: Promise<void> | undefined;
  const stop = (graceMs = 0): Promise<void> =>
    (stopped ??= launcher.stop(graceMs).finally(() => server.close()));
  return { events, server, launcher, stop, [Symbol.asyncDispose]: () => stop() };
}

interface TrainParts {
  readonly workers: Workers;
  readonly context: TrainingContext;
  readonly recorder: RunRecorder;
  readonly place: RunPlace;
}

async function train(
  { spec }: OpenedRun,
  { workers, context, recorder, place }: TrainParts,
): Promise<Conducted> {
  const { config, runId } = spec;
  const keepsEarlier = !place.isSettled && holdsEarlierRun(spec.folder);
  if (keepsEarlier)
    context.observe({ type: 'note', code: 'output_folder', text: kept(place, spec) });
  if (!place.isSettled) {
    writeConfig(place.folder.config, config);
    writeMarker(place.folder, { run_id: runId, has_model: false });
  }
  const disconnect = connectSources({ ...workers, context, recorder, place });
  try {
    return await conduct({
      spec,
      clock: context.clock,
      events: workers.events,
      prepare: (message) => {
        if (message.type === 'save' && message.kind === 'final')
          writeMarker(place.folder, { run_id: runId, has_model: true });
      },
      send: (rank, message) => workers.server.send(rank, toDisk(message, place)),
      record: (record, state) => {
        if (record.type === 'ready') {
          const { totalParameters: all, trainableParameters: trained } = record;
          const tight = checkDisk(spec, { all, trained });
          if (tight !== undefined)
            context.observe({ type: 'note', code: 'output_folder', text: tight });
          if (place.isSettled) goOnInPlace(spec);
          else if (!keepsEarlier) place.settle();
        }
        recorder.record(record, state);
        // While another folder is being written, none may move.
        if (record.type === 'saved' && state.savesAsked.length === 0) place.settle();
      },
      explain: (reason, state) => recorder.explain(reason, state),
    });
  } catch (error) {
    throw advised(error, config.outputDir);
  } finally {
    disconnect();
  }
}

function kept({ folder }: RunPlace, spec: RunSpec): string {
  return (
    `the earlier run in ${spec.folder.root} stays until this one has saved a checkpoint or its model; ` +
    `until then this one is in ${folder.root}`
  );
}

/** All workers have loaded the checkpoint: what the run wrote after it is written anew from here. */
function goOnInPlace({ folder, config, start }: RunSpec): void {
  truncateLines(folder.metrics, start?.state.global_step ?? 0);
  orTransient(folder.summary, () => rmSync(folder.summary, { force: true }));
  writeConfig(folder.config, config);
}

async function openAndCheck(config: ResolvedConfig, context: TrainingContext): Promise<OpenedRun> {
  const opened = await openRun(config, context);
  await context.check?.(opened);
  return opened;
}

/** What `work` gives; undefined as soon as somebody asks to stop. */
async function untilStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T | undefined> {
  let leave = (): void => undefined;
  const stopped = new Promise<undefined>((resolve) => {
    leave = () => resolve(undefined);
  });
  if (stop.aborted) leave();
  stop.addEventListener('abort', leave);
  try {
    return await Promise.race([work, stopped]);
  } finally {
    stop.removeEventListener('abort', leave);
    // It may fail later, when nobody cares.
    work.catch(() => undefined);
  }
}

function requestOf({ reason }: AbortSignal): StopRequest {
  return reason === 'terminated' ? 'terminated' : 'interrupted';
}

/** A file that the coordinator itself could not write, e.g. because the disk is full. */
function advised(error: unknown, outputDir: string): unknown {
  if (!(error instanceof MicrotuneError) || error.code !== 'transient') return error;
  const advice = resumeAdvice(listCheckpoints(outputDir).at(-1), outputDir);
  return new MicrotuneError(error.code, `${error.message}${advice}`, { cause: error });
}

interface Sources extends Omit<TrainParts, 'workers'>, Omit<Workers, keyof AsyncDisposable> {}

/** Messages, the stop request, time and memory samples. @returns ends them */
function connectSources({
  events,
  server,
  launcher,
  context,
  recorder,
  place,
}: Sources): () => void {
  void forward(server, events, place);
  const requestStop = (): void =>
    events.push({ type: 'stop-requested', request: requestOf(context.stop) });
  if (context.stop.aborted) requestStop();
  context.stop.addEventListener('abort', requestStop);
  const pids = launcher.pids.filter((pid) => pid !== undefined);
  const activity = createActivityMeter(launcher.pids);
  const memory = createMemoryMeter([process.pid, ...pids]);
  recorder.measureMemory(memory);
  const timers = [
    setInterval(() => events.push({ type: 'tick' }), tickMs),
    setInterval(() => events.push({ type: 'tick', activities: activity.look() }), activityMs),
    setInterval(() => memory.sample(), memoryMs),
  ];
  return () => {
    timers.forEach(clearInterval);
    context.stop.removeEventListener('abort', requestStop);
  };
}

async function forward(
  server: ControlServer,
  events: EventQueue<RunEvent>,
  place: RunPlace,
): Promise<void> {
  try {
    for await (const event of server.events()) events.push(fromDisk(event, place));
  } catch (error) {
    events.fail(error);
  }
}

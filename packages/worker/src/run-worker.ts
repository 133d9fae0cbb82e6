/**
 * The worker's process: join, load, then obey the coordinator's commands in the order they came until told to stop.
 */
import { hostname } from 'node:os';
import {
  createZeromqControlClient,
  createZeromqTransport,
  type ControlClient,
  type Transport,
} from '@microtune/collective';
import type { Engine } from '@microtune/engine';
import { stateSha256, weightsSha256, type GraphStore } from '@microtune/models';
import {
  MicrotuneError,
  errorCodes,
  exitCodeOf,
  exitCodes,
  messageOf,
  protocolVersion,
  runFolder,
  type Clock,
  deviceOfRank,
  type GpuInfo,
  type ResolvedConfig,
  type CoordinatorMessage,
  type WorkerMessage,
} from '@microtune/shared';
import { dieWithParent } from '@microtune/shared/die-with-parent';
import type { Logger } from '@microtune/shared/logging';
import { createInbox, type Inbox } from './inbox.js';
import { obey, type Body } from './obey.js';
import { createProgress, type Progress } from './progress.js';
import { openSession, type Session, type Welcome } from './session.js';

/** How long to wait for the coordinator to answer. */
const startedByHandTimeoutMs = 30_000;
const launchedTimeoutMs = 3_600_000;
/** Between the end of the work and that of the process, for the last message and the caller's exit code. */
const exitDelayMs = 300;

export interface WorkerOptions {
  /** Control address of the coordinator. */
  readonly endpoint: string;
  readonly rank: number;
  readonly runId: string;
  readonly clock: Clock;
  /** Where tokenized data is kept; undefined keeps nothing. */
  readonly cacheFolder: string | undefined;
  /** Where traced graphs are kept; undefined keeps none. */
  readonly graphStore: GraphStore | undefined;
  /** @throws MicrotuneError `usage` saying why the engine does not load */
  openEngine(config: ResolvedConfig): Promise<Engine>;
  /** What this worker's card is, e.g. of `cuda:1`. @throws MicrotuneError `transient` when it does not see exactly that */
  describeGpu(name: string): GpuInfo;
}

/**
 * Works until the coordinator says stop; soon after, the process ends with the `process.exitCode` it has by then, also
 * when a step that nobody waits for is still being computed. Signals that ask to stop are ignored from here on, because
 * the coordinator leads.
 * @throws MicrotuneError with the code to exit with: the worker's own failure, which the coordinator was told, or
 *   `unreachable` when the coordinator is gone
 */
export async function runWorker(options: WorkerOptions): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => undefined);
  if (process.connected) dieWithParent();
  try {
    await joinAndWork(options, parentGone());
  } finally {
    setTimeout(() => process.exit(), exitDelayMs).unref();
  }
}

async function joinAndWork(options: WorkerOptions, gone: Promise<void>): Promise<void> {
  const transport = await createZeromqTransport({ rank: options.rank });
  try {
    const client = await reachCoordinator(options, gone);
    try {
      await work({ ...options, client, transport, inbox: createInbox(client, gone) });
    } finally {
      await client.close();
    }
  } finally {
    await transport.close();
  }
}

/** A worker that was launched waits as long as its launcher lives: either may stand still for a while. */
async function reachCoordinator(
  { endpoint, rank }: WorkerOptions,
  gone: Promise<void>,
): Promise<ControlClient> {
  const lost = gone.then(() => {
    throw new MicrotuneError('unreachable', 'the coordinator was gone before this worker joined');
  });
  const connectTimeoutMs = process.connected ? launchedTimeoutMs : startedByHandTimeoutMs;
  return Promise.race([createZeromqControlClient({ endpoint, rank, connectTimeoutMs }), lost]);
}

async function work(parts: Parts): Promise<void> {
  const { transport, rank, inbox } = parts;
  const worker = new Worker(parts);
  const bulkEndpoint = transport.endpoint;
  await worker.tell(0, { type: 'hello', rank, pid: process.pid, host: hostname(), bulkEndpoint });
  await Promise.race([inbox.ended, worker.work()]);
  await worker.close();
}

/** The launcher's channel closes with the coordinator's process; a worker started by hand has none. */
function parentGone(): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) return;
    process.once('disconnect', () => resolve());
    // The listener shall not keep a process alive that has nothing else to do.
    process.channel?.unref();
  });
}

type Parts = WorkerOptions & {
  readonly client: ControlClient;
  readonly transport: Transport;
  readonly inbox: Inbox;
};

class Worker {
  readonly #parts: Parts;
  readonly #halt = new AbortController();
  #session: Session | undefined;
  #progress: Progress | undefined;
  #logger: Logger | undefined;
  #isBusy = false;
  #failure: unknown;

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.inbox.preview((command) => this.#preview(command));
  }

  async tell(step: number, body: Body): Promise<void> {
    const { client, runId } = this.#parts;
    const envelope = { protocol: protocolVersion as 1, runId, epoch: 0, step };
    await client.send({ ...envelope, ...body } as WorkerMessage);
  }

  /**
   * Obeys until something fails, which the coordinator is told; `stop` is the inbox's matter. A worker that still holds
   * a whole state stays after a failure, because it may be the one to save it.
   */
  async work(): Promise<never> {
    for await (const command of this.#parts.inbox.commands) {
      const { type, step } = command;
      const isEnding = this.#failure !== undefined || this.#halt.signal.aborted;
      if (isEnding && type !== 'halt' && type !== 'save') continue;
      this.#isBusy = true;
      try {
        if (type === 'welcome') await this.#join(command);
        else await this.tell(step, await obey(this.#joined(type), command));
      } catch (error) {
        await this.#fail(error, step);
      }
      this.#isBusy = false;
    }
    throw new MicrotuneError('internal', 'internal: the commands ended without a stop');
  }

  /** After `stop`. @throws what failed before it */
  async close(): Promise<void> {
    this.#progress?.close();
    // What is still being computed cannot be taken down; the process ends soon anyway.
    if (!this.#isBusy) await this.#session?.close();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** @throws the error again when no whole state is left to wait with */
  async #fail(error: unknown, step: number): Promise<void> {
    const stack = error instanceof Error ? error.stack : undefined;
    this.#logger?.error(messageOf(error), { step, stack });
    const whole = this.#session?.trainer.held.step !== undefined;
    // Giving up when told to is no failure.
    if (whole && isGivenUp(error, this.#halt.signal)) return;
    this.#failure ??= error;
    // A coordinator that is gone needs no report.
    await this.tell(step, {
      type: 'failed',
      code: codeOf(error),
      reason: messageOf(error),
    }).catch(() => undefined);
    if (!whole) throw error;
  }

  /** Commands are seen here as they come, ahead of their turn. */
  #preview(command: CoordinatorMessage): void {
    if (command.type === 'halt') {
      const reason = new MicrotuneError('transient', `given up: ${command.reason}`);
      this.#halt.abort(reason);
      this.#parts.transport.interrupt(reason);
    }
    if (command.type !== 'plan' || this.#session === undefined) return;
    const { from, to } = command.ranges[this.#parts.rank] ?? { from: 0, to: 0 };
    this.#session.trainer.replica.graphs.prepare(
      'training',
      command.shards.slice(from, to).map(({ shape }) => shape),
    );
  }

  async #join(welcome: Welcome): Promise<void> {
    const { clock, transport, cacheFolder, graphStore } = this.#parts;
    const progress = createProgress((phase, step) => {
      this.tell(step, { type: 'progress', phase }).catch(() => undefined);
    });
    this.#progress = progress;
    const opening = openSession({
      welcome,
      clock,
      progress,
      transport,
      cacheFolder,
      graphStore,
      giveUp: this.#halt.signal,
      openEngine: (config) => this.#parts.openEngine(config),
    });
    // Who awaits it sees its error.
    opening.catch(() => undefined);
    // Loaded while the session opens: it takes as long as a tenth of that.
    const { createLogger } = await import('@microtune/shared/logging');
    this.#logger = createLogger(runFolder(welcome.config.outputDir).logs, `worker-${welcome.rank}`);
    const session = await opening;
    this.#session = session;
    const { name } = deviceOfRank(welcome.config, welcome.rank);
    const gpu = name === 'cpu' ? undefined : this.#parts.describeGpu(name);
    await this.tell(welcome.step, await readyMessage(session, welcome, gpu));
    session.warmUp();
    const { engine, precision } = session;
    const { readsMemoryOf } = transport;
    this.#logger.info('ready', { engine: engine.name, precision, readsMemoryOf });
  }

  #joined(command: string): Session {
    if (this.#session !== undefined) return this.#session;
    throw new MicrotuneError('internal', `internal: command ${command} before welcome`);
  }
}

/** The all-reduce wraps what interrupted it. */
function isGivenUp(error: unknown, { aborted, reason }: AbortSignal): boolean {
  if (!aborted) return false;
  return error === reason || (error instanceof Error && error.cause === reason);
}

async function readyMessage(
  { engine, precision, config, model, trainer, notes }: Session,
  welcome: Welcome,
  gpu: GpuInfo | undefined,
): Promise<Body> {
  const state = await trainer.replica.snapshot();
  const { parameters } = model.program;
  const { name, version, device } = engine;
  const isFresh = welcome.checkpoint === undefined;
  return {
    type: 'ready',
    device: {
      engine: name,
      engineVersion: version,
      device,
      ...(gpu === undefined ? {} : { gpu }),
      precision,
      threads: config.threadsPerWorker,
    },
    trainableParameters: countOf(parameters.filter(({ trainable }) => trainable)),
    totalParameters: countOf(parameters),
    notes: [...notes],
    // The moments of a fresh state are zero: hashing them would only cost time.
    stateSha256: isFresh ? weightsSha256(state) : stateSha256(state),
  };
}

function countOf(parameters: Session['model']['program']['parameters']): number {
  return parameters.reduce(
    (sum, { shape }) => sum + shape.reduce((product, dimension) => product * dimension, 1),
    0,
  );
}

function codeOf(error: unknown): (typeof errorCodes)[number] {
  return errorCodes.find((code) => exitCodes[code] === exitCodeOf(error)) ?? 'internal';
}

/**
 * Worker processes on this machine: started together, watched, and never left behind. Nothing is restarted.
 *
 * A worker hears of its coordinator's death in two ways: its control connection closes, and its IPC channel does; the
 * second one works from its first millisecond on, also before it has connected. Workers get their own process group,
 * so a Ctrl-C on the terminal reaches the coordinator alone, which then leads.
 */
import { spawn, type ChildProcess } from 'node:child_process';

export interface WorkerCommand {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** The whole environment of the worker. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface WorkerExit {
  readonly rank: number;
  /** Undefined when a signal ended it, or it never started. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** Its last lines on stderr. */
  readonly stderr: string;
}

export interface Launcher {
  /** By rank; undefined for a worker that did not start. */
  readonly pids: readonly (number | undefined)[];
  /** Ends all workers: waits `graceMs` for those that leave by themselves, then kills the rest (they do not hear SIGTERM). */
  stop(graceMs: number): Promise<void>;
}

const keptStderrLines = 12;
/** A line of the native stack that V8 prints when it gives up; what it says comes before dozens of them. */
const nativeFrame = /^\s*\d+: 0x[0-9a-f]+ /;

/**
 * Starts one process per command, in rank order.
 * @param onExit called once per worker, as soon as it is gone
 */
export function launchWorkers(
  commands: readonly WorkerCommand[],
  onExit: (exit: WorkerExit) => void,
): Launcher {
  const workers = commands.map((command, rank) => startWorker(command, rank, onExit));
  const killAll = (signal: NodeJS.Signals): void => {
    for (const worker of workers) worker.kill(signal);
  };
  const killAtExit = (): void => killAll('SIGKILL');
  process.on('exit', killAtExit);
  return {
    pids: workers.map((worker) => worker.pid),
    stop: async (graceMs) => {
      const gone = Promise.all(workers.map((worker) => worker.gone));
      if (graceMs <= 0 || !(await happensWithin(gone, graceMs))) killAll('SIGKILL');
      await gone;
      process.off('exit', killAtExit);
    },
  };
}

interface WorkerProcess {
  readonly pid: number | undefined;
  readonly gone: Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

function startWorker(
  { command, env }: WorkerCommand,
  rank: number,
  onExit: (exit: WorkerExit) => void,
): WorkerProcess {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const stderr = keepLastLines(child);
  const gone = new Promise<void>((resolve) => {
    let reported = false;
    const report = (exit: Omit<WorkerExit, 'rank'>): void => {
      if (reported) return;
      reported = true;
      onExit({ rank, ...exit });
      resolve();
    };
    child.once('error', (error) =>
      report({
        code: undefined,
        signal: undefined,
        stderr: `${program} did not start: ${error.message}`,
      }),
    );
    // 'exit' comes at once; 'close' would wait for pipes that a grandchild may hold open.
    child.once('exit', (code, signal) =>
      setImmediate(() =>
        report({ code: code ?? undefined, signal: signal ?? undefined, stderr: stderr() }),
      ),
    );
  });
  return {
    pid: child.pid,
    gone,
    kill: (signal) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    },
  };
}

function keepLastLines(child: ChildProcess): () => string {
  let kept: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const lines = ((kept.pop() ?? '') + text).split('\n');
    const open = lines.pop() ?? '';
    kept = [...kept, ...lines.filter((line) => !nativeFrame.test(line)), open].slice(
      -keptStderrLines - 1,
    );
  });
  return () => kept.join('\n').trim();
}

async function happensWithin(event: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const happened = await Promise.race([event.then(() => true), timeout]);
  clearTimeout(timer);
  return happened;
}

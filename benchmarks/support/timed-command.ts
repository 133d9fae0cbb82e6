/** Runs a command as a whole process: wall time, peak memory of its tree, its standard output. */
import { spawn } from 'node:child_process';
import { watchMemory } from './process-tree.js';

export interface TimedCommand {
  wallSeconds: number;
  peakBytes: number;
  stdout: string;
  /** Seconds from the start to the first output line for which `mark` returned true. */
  markSeconds: number | undefined;
}

export interface TimedCommandOptions {
  command: string;
  args: readonly string[];
  environment?: NodeJS.ProcessEnv;
  /** Tells whether a line of standard output is the moment to note. */
  mark?: (line: string) => boolean;
}

const passedSignals = ['SIGTERM', 'SIGHUP'] as const;

/** A command that did not end with 0. */
export class CommandFailed extends Error {
  constructor(
    command: string,
    readonly code: number | null,
    readonly stderr: string,
  ) {
    super(`${command} ended with ${code}: ${stderr.slice(-2000)}`);
  }
}

/** @throws CommandFailed */
export async function timeCommand(options: TimedCommandOptions): Promise<TimedCommand> {
  const started = performance.now();
  const child = spawn(options.command, options.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  });
  const memory = watchMemory(child.pid ?? process.pid);
  let stdout = '';
  let stderr = '';
  let markSeconds: number | undefined;
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    if (markSeconds === undefined && options.mark && stdout.split('\n').some(options.mark)) {
      markSeconds = (performance.now() - started) / 1000;
    }
  });
  // A benchmark that is ended takes its command with it; the terminal's own Ctrl-C reaches both.
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of passedSignals) process.on(signal, pass);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  for (const signal of passedSignals) process.off(signal, pass);
  const peakBytes = memory.stop();
  if (code !== 0) {
    throw new CommandFailed([options.command, ...options.args].join(' '), code, stderr);
  }
  return { wallSeconds: (performance.now() - started) / 1000, peakBytes, stdout, markSeconds };
}

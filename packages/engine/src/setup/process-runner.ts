/** How set-up runs other programs: handed in, so that the command line decides and tests can take programs away. */
import { execFile } from 'node:child_process';

export interface ProcessResult {
  /** Undefined when the program does not exist. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export type ProcessRunner = (program: string, args: readonly string[]) => Promise<ProcessResult>;

/** Runs a program found on the PATH to its end and collects what it prints. Never rejects: a failure is an exit code. */
export const runProcess: ProcessRunner = (program, args) =>
  new Promise((resolve) => {
    const options = { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ exitCode: exitCodeOf(error), stdout, stderr });
    });
  });

function exitCodeOf(error: (Error & { code?: string | number | null }) | null): number | undefined {
  if (error === null) return 0;
  if (error.code === 'ENOENT') return undefined;
  return typeof error.code === 'number' ? error.code : 1;
}

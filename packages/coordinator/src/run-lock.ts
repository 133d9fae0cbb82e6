/** One run per output folder: a lock file naming the process, taken over when that process is gone. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { MicrotuneError, diskErrorText, makeFolder } from '@microtune/shared';

const lockName = '.microtune.lock';

export interface Holder {
  pid: number;
  host: string;
}

/** The process that is training into a run folder, if there is one. */
export function runHolder(root: string): Holder | undefined {
  const holder = readHolder(join(root, lockName));
  return holder !== undefined && isRunning(holder) ? holder : undefined;
}

/**
 * @param root the run folder, made if it is missing
 * @returns releases the lock
 * @throws MicrotuneError `usage` while another process trains into the folder, `transient` when it cannot be written
 */
export function lockRunFolder(root: string): () => void {
  const file = join(root, lockName);
  const self: Holder = { pid: process.pid, host: hostname() };
  const holder = runHolder(root);
  if (holder !== undefined) {
    throw new MicrotuneError(
      'usage',
      `output_dir: process ${holder.pid} on ${holder.host} is training into ${root}: ` +
        `wait for it, or choose another folder (if it is gone, delete ${file})`,
    );
  }
  try {
    makeFolder(root);
    rmSync(file, { force: true });
    writeFileSync(file, JSON.stringify(self), { flag: 'wx' });
  } catch (error) {
    throw new MicrotuneError(
      'transient',
      `output_dir: cannot write ${file}: ${diskErrorText(error)}`,
      {
        cause: error,
      },
    );
  }
  return () => rmSync(file, { force: true });
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    // No lock, or one cut short by a crash while it was written: free.
    return undefined;
  }
}

/** Processes of other hosts cannot be looked at: taken for alive. */
function isRunning({ pid, host }: Holder): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

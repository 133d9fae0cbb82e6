/**
 * What worker processes of this machine are doing, from Linux's /proc: how a process that computes for ten minutes, or
 * waits for a disk, differs from one that hangs. Source: proc_pid_stat(5).
 */
import { readFileSync, readdirSync } from 'node:fs';
import type { Activity } from './decide/run-state.js';

export interface ActivityMeter {
  /** To be called about once a second: what each process did since the call before, in the order of the ids. */
  look(): Activity[];
}

/** Ticks of processor time between two looks, of 10 ms each: waiting in an event loop takes one or two. */
const busyTicks = 5;

export function createActivityMeter(pids: readonly (number | undefined)[]): ActivityMeter {
  const before = new Map<number, number>();
  const lookAt = (pid: number | undefined): Activity => {
    const seen = pid === undefined ? undefined : readStat(`/proc/${pid}/stat`);
    if (pid === undefined || seen === undefined) return 'unknown';
    const spentTicks = seen.ticks - (before.get(pid) ?? seen.ticks);
    before.set(pid, seen.ticks);
    if (seen.state === 'T' || seen.state === 't') return 'stopped';
    return spentTicks >= busyTicks || waitsForDisk(pid) ? 'busy' : 'idle';
  };
  return { look: () => pids.map(lookAt) };
}

/** Some thread sleeps in a way that nothing interrupts, e.g. in fsync. */
function waitsForDisk(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some(
      (thread) => readStat(`/proc/${pid}/task/${thread}/stat`)?.state === 'D',
    );
  } catch {
    return false;
  }
}

/** State, and processor time of user and system together; undefined when there is no such process, or no /proc. */
function readStat(file: string): { state: string; ticks: number } | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    // The name before may hold blanks and brackets of its own.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}

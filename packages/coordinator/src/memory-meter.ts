/** Peak memory of a set of processes, from Linux's /proc; elsewhere there is no figure. */
import { readFileSync } from 'node:fs';

export interface MemoryMeter {
  /** To be called now and then while the processes live. */
  sample(): void;
  /** Sum of the highest resident sizes each process has reached, in bytes; undefined where /proc is missing. */
  peakBytes(): number | undefined;
}

export function createMemoryMeter(pids: readonly number[]): MemoryMeter {
  const peaks = new Map<number, number>();
  return {
    sample: () => {
      for (const pid of pids) {
        const bytes = peakResidentBytes(pid);
        if (bytes !== undefined) peaks.set(pid, Math.max(bytes, peaks.get(pid) ?? 0));
      }
    },
    peakBytes: () => (peaks.size === 0 ? undefined : [...peaks.values()].reduce((a, b) => a + b)),
  };
}

function peakResidentBytes(pid: number): number | undefined {
  try {
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match ? Number(match[1]) * 1024 : undefined;
  } catch {
    // The process has ended, or this is not Linux: no sample.
    return undefined;
  }
}

/** Peak memory of a set of processes together, from Linux's /proc; elsewhere there is no figure. */
import { readFileSync } from 'node:fs';

export interface MemoryMeter {
  /** To be called now and then while the processes live; walks their page tables, a few milliseconds each. */
  sample(): void;
  /** The largest sum seen at one time, in bytes, pages that processes share counted once; undefined without /proc. */
  peakBytes(): number | undefined;
}

export function createMemoryMeter(pids: readonly number[]): MemoryMeter {
  let peak = 0;
  return {
    sample: () => {
      const total = pids.reduce((sum, pid) => sum + proportionalBytes(pid), 0);
      peak = Math.max(peak, total);
    },
    peakBytes: () => (peak === 0 ? undefined : peak),
  };
}

/** Proportional set size: a page shared by n processes counts 1/n for each. */
function proportionalBytes(pid: number): number {
  try {
    const match = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    return match ? Number(match[1]) * 1024 : 0;
  } catch {
    // The process has ended, or this is not Linux.
    return 0;
  }
}
